"""What every request passes: an id in the logs, and the duty to change a first password."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Binds a request id to every log line of the request and answers with it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(uuid.uuid4())
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class PasswordChangeMiddleware:
    """Sends a user whose password was set by somebody else to change it first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
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
