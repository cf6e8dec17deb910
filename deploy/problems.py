"""Every error of the API as RFC 9457 problem+json: never an exception's text, never content."""

from __future__ import annotations

import sys
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views import defaults
from redis.exceptions import RedisError
from rest_framework import exceptions, status
from rest_framework.response import Response

from accounts.errors import AccountsError
from audit.errors import AuditError
from retrieval.errors import RetrievalError

logger = structlog.get_logger("vitrine.api")

CONTENT_TYPE = "application/problem+json"

_NOTHING_HERE = "There is nothing here, or you may not see it."
_BAD_BODY = "The body is not valid JSON, or not a valid multipart form."
_INVALID = "Some fields are not valid."
_UNREACHABLE = (OperationalError, InterfaceError, RedisError)
_DJANGOS: tuple[tuple[type[Exception], int, str], ...] = (
    (Http404, 404, _NOTHING_HERE),
    (PermissionDenied, 403, "You may not do this."),
    (RequestDataTooBig, 413, "The request body is too large."),
    (SuspiciousOperation, 400, _BAD_BODY),
    (MultiPartParserError, 400, _BAD_BODY),
    (UnreadablePostError, 400, _BAD_BODY),
)
# DRF's own messages for these codes quote what was sent.
_PLAIN = {
    "invalid_choice": "This is not one of the possible values.",
    "does_not_exist": "There is no such thing.",
    "incorrect_type": "This is of the wrong type.",
    "not_a_list": "Expected a list.",
    "not_a_dict": "Expected an object.",
}

_TITLES = {
    400: "Invalid request",
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "Gone",
    411: "Length required",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
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
    if isinstance(error, (RetrievalError, AccountsError, AuditError)):
        return _from_ours(error, context)
    if isinstance(error, exceptions.ValidationError):
        return problem(400, _INVALID, errors=plain_errors(error.get_full_details()))
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    for kind, code, detail in _DJANGOS:
        if isinstance(error, kind):
            return problem(code, detail)
    if isinstance(error, _UNREACHABLE):
        logger.error("store_unreachable", error=type(error).__name__, view=_view_name(context))
        return problem(
            503, "The database or the broker does not answer.", headers={"Retry-After": "2"}
        )
    logger.error(
        "request_failed", error=type(error).__name__, where=_where(error), view=_view_name(context)
    )
    return problem(500, "The request failed; its id is in the appliance's log.")


def _from_ours(
    error: RetrievalError | AccountsError | AuditError, context: dict[str, Any]
) -> Response:
    retry_after = getattr(error, "retry_after_seconds", None) or (2 if error.transient else None)
    headers = dict(getattr(error, "headers", {}))
    if retry_after:
        headers["Retry-After"] = str(int(retry_after))
    if error.status >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        logger.error("request_failed", error=type(error).__name__, view=_view_name(context))
    errors = {
        name: [{"message": text, "code": "invalid"} for text in texts]
        for name, texts in error.fields.items()
    }
    return problem(error.status, error.detail, errors=errors or None, headers=headers)


def _from_drf(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    code = error.status_code
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        headers["WWW-Authenticate"] = getattr(error, "auth_header", "Token")
        code = status.HTTP_401_UNAUTHORIZED
    wait = getattr(error, "wait", None)  # of Throttled
    if wait:
        headers["Retry-After"] = str(int(wait) + 1)
    detail = error.detail if isinstance(error.detail, str) else "The request was refused."
    if isinstance(error, exceptions.ParseError):
        detail = _BAD_BODY
    if isinstance(error, exceptions.UnsupportedMediaType):
        detail = "This address does not take bodies of this content type."
    if isinstance(error, exceptions.MethodNotAllowed):
        detail = "This address does not know this method."
    if isinstance(error, exceptions.NotFound):
        detail = _NOTHING_HERE
    return problem(code, str(detail), headers=headers)


def plain_errors(details: Any) -> Any:
    """DRF's error details without the caller's own words, which some of its messages repeat."""
    if isinstance(details, list):
        return [plain_errors(item) for item in details]
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        return {
            "message": _PLAIN.get(details["code"], str(details["message"])),
            "code": details["code"],
        }
    if isinstance(details, dict):
        return {str(name): plain_errors(item) for name, item in details.items()}
    return details


def _where(error: Exception) -> str:
    """File and line of the failure, never its message: that may hold content."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"


def _body(code: int, detail: str, errors: Any = None) -> dict[str, Any]:
    title = _TITLES.get(code, "Error")
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": code,
        "detail": detail or title,
    }
    if errors is not None:
        body["errors"] = errors
    return body


def _view_name(context: dict[str, Any]) -> str:
    view = context.get("view")
    return type(view).__name__ if view is not None else ""


def plain_problem(code: int, detail: str) -> JsonResponse:
    """A problem document where no DRF view is at work."""
    return JsonResponse(_body(code, detail), status=code, content_type=CONTENT_TYPE)


def _wants_page(request: HttpRequest) -> bool:
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer to an address that leads nowhere."""
    if _wants_page(request):
        return defaults.page_not_found(request, Http404())
    return plain_problem(404, _NOTHING_HERE)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer to a page that the visitor may not open."""
    if _wants_page(request):
        return defaults.permission_denied(request, PermissionDenied())
    return plain_problem(403, "You may not do this.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer to a failure outside any API view."""
    error = sys.exc_info()[1]
    if isinstance(error, Exception):
        logger.error("page_failed", error=type(error).__name__, where=_where(error))
    if _wants_page(request):
        return defaults.server_error(request)
    return plain_problem(500, "The request failed; its id is in the appliance's log.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer to a request Django itself refuses."""
    return plain_problem(400, "The request is not valid.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer to a form without its token."""
    return plain_problem(403, "The form is too old or came from elsewhere. Load the page again.")
