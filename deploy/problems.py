"""Every error of the API as RFC 9457 problem+json: never an exception's text, never content."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response

from audit.errors import AuditError
from retrieval.errors import RetrievalError

logger = structlog.get_logger("vitrine.api")

CONTENT_TYPE = "application/problem+json"

_TITLES = {
    400: "Invalid request",
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    422: "The file cannot be used",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not available right now",
}


def problem(
    code: int, detail: str = "", *, errors: Any = None, headers: dict[str, str] | None = None
) -> Response:
    """A problem document as a DRF response."""
    response = Response(_body(code, detail, errors), status=code, headers=headers)
    response.content_type = CONTENT_TYPE
    return response


def problem_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: turns what a view raised into a problem document."""
    if isinstance(error, (RetrievalError, AuditError)):
        headers = {"Retry-After": "2"} if error.transient else None
        return problem(error.status, error.detail, errors=error.fields or None, headers=headers)
    if isinstance(error, Http404):
        return problem(404, "There is nothing here, or you may not see it.")
    if isinstance(error, PermissionDenied):
        return problem(403, "You may not do this.")
    if isinstance(error, RequestDataTooBig):
        return problem(413, "The request body is too large.")
    if isinstance(error, exceptions.ValidationError):
        return problem(400, "Some fields are not valid.", errors=error.get_full_details())
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    logger.error("request_failed", error=type(error).__name__, view=_view_name(context))
    return problem(500, "The request failed; its id is in the appliance's log.")


def _from_drf(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        headers["WWW-Authenticate"] = getattr(error, "auth_header", "Token")
        code = status.HTTP_401_UNAUTHORIZED
    else:
        code = error.status_code
    if isinstance(error, exceptions.Throttled) and error.wait:
        headers["Retry-After"] = str(int(error.wait) + 1)
    detail = error.detail if isinstance(error.detail, str) else "The request was refused."
    if isinstance(error, exceptions.ParseError):
        detail = "The body is not valid JSON or multipart data."
    return problem(code, str(detail), headers=headers)


def _body(code: int, detail: str, errors: Any = None) -> dict[str, Any]:
    title = _TITLES.get(code, "Error")
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": code, "detail": detail or title}
    if errors is not None:
        body["errors"] = errors
    return body


def _view_name(context: dict[str, Any]) -> str:
    view = context.get("view")
    return type(view).__name__ if view is not None else ""


def _plain(request: HttpRequest, code: int, detail: str) -> JsonResponse:
    return JsonResponse(_body(code, detail), status=code, content_type=CONTENT_TYPE)


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Answer to an address that leads nowhere."""
    return _plain(request, 404, "There is nothing here, or you may not see it.")


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer to a failure outside any view."""
    return _plain(request, 500, "The request failed.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Answer to a request Django itself refuses."""
    return _plain(request, 400, "The request is not valid.")
