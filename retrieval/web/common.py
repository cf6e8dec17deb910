"""What every page shares: who is asking, and errors a person can read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from accounts.models import User

P = ParamSpec("P")


def visitor(request: HttpRequest) -> User:
    """The logged-in user.

    Raises:
        PermissionDenied: nobody is.
    """
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


def page(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """``view`` for logged-in users, whose errors are answered in words."""

    @wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except RetrievalError as error:
            return problem(request, error)

    return login_required(inner)  # type: ignore[return-value] # its stub drops the parameters


def problem(request: HttpRequest, error: RetrievalError) -> HttpResponse:
    """The error as a page, or as a note where htmx asks for a part of one."""
    template = "web/partials/problem.html" if is_part(request) else "web/problem.html"
    reasons = [text for texts in error.fields.values() for text in texts]
    shown: dict[str, Any] = {"title": error.title, "detail": " ".join(reasons) or error.detail}
    # htmx swaps what an error says only where the status allows; see the page's htmx-config.
    return render(request, template, {"problem": shown}, status=error.status)


def is_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page."""
    return bool(request.headers.get("HX-Request"))
