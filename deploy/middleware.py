"""What every request passes.

An id in the logs, safe headers, sane input, and the duty to change a first password.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from deploy.problems import plain_problem

GetResponse = Callable[[HttpRequest], HttpResponse]

# Pages load scripts, styles, pictures and sounds from this address alone, and nothing inline.
# https://www.w3.org/TR/CSP3/; blob: and data: are previews of files that the visitor chose.
PAGES = {
    "default-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# unfold is built on Alpine.js, which evaluates expressions in attributes, and has inline scripts
# and styles.
CONSOLE = PAGES | {
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
}
# Swagger UI sets style attributes and carries its icons as data: URLs.
DOCS = PAGES | {"style-src": "'self' 'unsafe-inline'"}
DATA = {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'"}


class RequestContextMiddleware:
    """Binds a request id to every log line of the request and answers with it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the id bound."""
        request_id = str(uuid.uuid4())
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class SecurityHeadersMiddleware:
    """A content security policy for every answer, and no copies of the API's answers in caches.

    What a view has set itself stays.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the headers added."""
        response = self.get_response(request)
        policy = "; ".join(f"{name} {value}" for name, value in _policy(request.path).items())
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=()"
        )
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class SaneRequestMiddleware:
    """Refuses what no honest client sends and what Postgres or Django would stumble over later."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or refuse."""
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return plain_problem(400, "The address holds a NUL character.")
        # Django reads as many bytes as Content-Length says; without one it would see an empty body.
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            return plain_problem(411, "Send the body with a Content-Length.")
        return self.get_response(request)


class PasswordChangeMiddleware:
    """Sends a user whose password was set by somebody else to change it first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or send away."""
        if self._must_change(request):
            return redirect("account_change_password")
        return self.get_response(request)

    def _must_change(self, request: HttpRequest) -> bool:
        if request.path.startswith(("/api/", "/static/", "/healthz", "/readyz", "/metrics")):
            return False  # the API refuses by permission; see accounts.permissions
        user = request.user
        if not user.is_authenticated or not getattr(user, "must_change_password", False):
            return False
        allowed = {reverse("account_change_password"), reverse("account_logout")}
        return request.path not in allowed


def _policy(path: str) -> dict[str, str]:
    if path.startswith("/console/"):
        return CONSOLE
    if path.startswith("/api/v1/docs/"):
        return DOCS
    if path.startswith("/api/"):
        return DATA
    return PAGES
