"""Who is calling: a knox token, found with one query."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from functools import cache
from hmac import compare_digest
from typing import Any

from django.db.models import Model
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.crypto import hash_token
from knox.models import get_token_model
from knox.settings import CONSTANTS
from psycopg import sql
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import User
from audit.wire import executed

_REFUSED = "The token is not valid, or no longer."


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc] # knox ships no types
    """knox's tokens without its housekeeping.

    That would load all of a user's tokens at every request.

    Unknown, expired and malformed tokens and those of inactive users are refused in the same words.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, Any]:
        """The token's user and the token. One query."""
        try:
            text = token.decode("ascii")
            digest = hash_token(text)
        except (UnicodeDecodeError, TypeError, binascii.Error):
            raise AuthenticationFailed(_REFUSED) from None
        for candidate in _tokens(text[: CONSTANTS.TOKEN_KEY_LENGTH]):
            if not compare_digest(digest, candidate.digest):
                continue
            expired = candidate.expiry is not None and candidate.expiry <= timezone.now()
            if expired or not candidate.user.is_active:
                break
            return candidate.user, candidate
        raise AuthenticationFailed(_REFUSED)


_FOUND = sql.SQL("""
SELECT {columns} FROM {tokens} token JOIN {users} holder ON holder.id = token.user_id
WHERE token.token_key = %s
""")


def _tokens(key: str) -> Iterator[Any]:
    """Tokens whose text begins with ``key``, each with its user. One query, at every request."""
    with executed(_statement(), [key]) as cursor:
        rows = cursor.fetchall()
    split = len(_columns(get_token_model()))
    for row in rows:
        token = get_token_model().from_db(None, _columns(get_token_model()), row[:split])
        token.user = User.from_db(None, _columns(User), row[split:])
        yield token


@cache
def _statement() -> bytes:
    """Composed once: building it anew costs more than the database takes to answer it."""
    model = get_token_model()
    columns = [
        sql.Identifier(table, name)
        for table, one in (("token", model), ("holder", User))
        for name in _columns(one)
    ]
    return _FOUND.format(
        columns=sql.SQL(", ").join(columns),
        tokens=sql.Identifier(model._meta.db_table),  # noqa: SLF001  (documented)
        users=sql.Identifier(User._meta.db_table),  # noqa: SLF001  (documented)
    ).as_bytes()


@cache
def _columns(model: type[Model]) -> tuple[str, ...]:
    """Columns, which with these two tables are the fields' names with ``_id`` for a key."""
    return tuple(one.attname for one in model._meta.concrete_fields)  # noqa: SLF001  (documented)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself without types
    """How the OpenAPI schema names the token."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The security scheme object of OpenAPI 3."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token ` followed by a token from `POST /api/v1/auth/token/`.",
        }
