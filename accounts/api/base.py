"""What all views of the API share.

One transaction around the work, idempotent POSTs, strict input, pages.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, cast

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.pagination import BasePagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from accounts import idempotency
from accounts.models import User

Handler = Callable[..., Any]
_VERBS = ("get", "post", "put", "patch", "delete")
_SUCCESS = range(200, 300)


class InputSerializer(serializers.Serializer[Any]):
    """A request's body: a field that nobody knows is an error, not silence."""

    def to_internal_value(self, data: Any) -> Any:
        """The validated values by field."""
        unknown = set(data) - set(self.fields) if hasattr(data, "keys") else set()
        if unknown:
            known = ", ".join(sorted(self.fields))
            message = f"{len(unknown)} unknown field(s). Known are: {known}."
            raise serializers.ValidationError({"non_field_errors": [message]}, code="unknown")
        return super().to_internal_value(data)


class ApiView(APIView):
    """Base of every view. ``request.user`` is authenticated unless the view says otherwise.

    Each handler runs inside ``scope()``; what it raises rolls everything back. Views with
    ``idempotent`` do a POST once for each ``Idempotency-Key``.
    """

    idempotent: ClassVar[bool] = False
    secret_fields: ClassVar[frozenset[str]] = frozenset()  # answered once, never kept for a replay
    pagination_class: type[BasePagination] = cast(
        "type[BasePagination]", api_settings.DEFAULT_PAGINATION_CLASS
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put every handler that the class defines inside ``_perform``."""
        super().__init_subclass__(**kwargs)
        for verb in _VERBS:
            handler = cls.__dict__.get(verb)
            if handler is not None:
                setattr(cls, verb, _wrapped(handler))

    def scope(self) -> AbstractContextManager[Any]:
        """What a handler runs in: a transaction."""
        return transaction.atomic()

    def caller(self) -> User:
        """The authenticated user."""
        user = self.request.user
        if not isinstance(user, User):
            raise NotAuthenticated
        return user

    def parsed(
        self, serializer: type[serializers.Serializer[Any]], **options: Any
    ) -> dict[str, Any]:
        """The validated body.

        Raises:
            ValidationError: some fields are missing, unknown or not valid.
        """
        reader = serializer(data=self.request.data, **options)
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = reader.validated_data
        return values

    def query(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The validated query parameters.

        Raises:
            ValidationError: some are not valid.
        """
        reader = serializer(data=self.request.query_params)
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = reader.validated_data
        return values

    def page(
        self,
        rows: QuerySet[Any] | list[Any],
        serializer: type[serializers.BaseSerializer[Any]],
        *,
        each: Callable[[list[Any]], list[Any]] | None = None,
    ) -> Response:
        """One page of ``rows``, which are ordered.

        ``each`` makes what is shown of the page's rows.
        """
        pages = self.pagination_class()
        found = list(pages.paginate_queryset(rows, self.request, view=self) or [])
        shown = each(found) if each is not None else found
        return pages.get_paginated_response(serializer(shown, many=True).data)

    def fingerprint(self, request: Request) -> bytes:
        """SHA-256 of what the request asks, to tell a repetition from another request."""
        asked = json.dumps([request.META.get("QUERY_STRING", ""), request.data], sort_keys=True)
        return hashlib.sha256(asked.encode()).digest()

    def _perform(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None or not self.idempotent or request.method != "POST":
            with self.scope():
                return handler(self, request, *args, **kwargs)
        return self._once(key, handler, request, *args, **kwargs)

    def _once(self, key: str, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> Any:
        user, route = self.caller().pk, request.path
        held = idempotency.claim(user_id=user, route=route, key=key)
        if held is None:
            asked = self.fingerprint(request)
            answer = idempotency.replay(user_id=user, route=route, key=key, fingerprint=asked)
            again = {"Idempotency-Replayed": "true"}
            return Response(answer.body, status=answer.status, headers=again)
        kept = False
        try:
            with self.scope():
                response = handler(self, request, *args, **kwargs)
                if response.status_code in _SUCCESS:
                    self._keep(held, request, response)
                    kept = True
        except BaseException:
            kept = False
            raise
        finally:
            if not kept:
                idempotency.release(held)
        return response

    def _keep(self, held: idempotency.Claim, request: Request, response: Response) -> None:
        body = json.loads(JSONRenderer().render(response.data) or b"null")
        if isinstance(body, dict):
            body = {name: None if name in self.secret_fields else body[name] for name in body}
        idempotency.keep(
            held, fingerprint=self.fingerprint(request), status=response.status_code, body=body
        )


def _wrapped(handler: Handler) -> Handler:
    @functools.wraps(handler)
    def inside(self: ApiView, request: Request, *args: Any, **kwargs: Any) -> Any:
        return self._perform(handler, request, *args, **kwargs)

    return inside
