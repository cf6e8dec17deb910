"""Who is calling: a knox token, found with one query."""

from __future__ import annotations

import binascii
from hmac import compare_digest
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.crypto import hash_token
from knox.models import get_token_model
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import User

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
        found = get_token_model().objects.select_related("user")
        for candidate in found.filter(token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH]):
            if not compare_digest(digest, candidate.digest):
                continue
            expired = candidate.expiry is not None and candidate.expiry <= timezone.now()
            if expired or not candidate.user.is_active:
                break
            return candidate.user, candidate
        raise AuthenticationFailed(_REFUSED)


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
