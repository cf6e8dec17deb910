"""The console: Django's admin, seen through the same access rules as everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from unfold.sites import UnfoldAdminSite

from audit.errors import AuditError
from retrieval import access, scope
from retrieval.errors import RetrievalError

View = Callable[..., HttpResponseBase]


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc] # unfold ships no types
    """For governors, operators and stewards; each page runs under the visitor's own scope."""

    index_title = "Console"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor has anything to do here."""
        return access.may_enter_console(user=request.user)

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002 - Django's signature
        """``view`` inside the scope of whoever asks, rendered before that scope ends."""
        return super().admin_view(_scoped(view), cacheable)  # type: ignore[no-any-return]

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: Any = None,
        **options: Any,
    ) -> None:
        """Registers an admin as a list of the console, whichever room it comes from."""
        from retrieval.admin.console.lists import HOOKS, Listed

        if admin_class is not None and not issubclass(admin_class, Listed):
            # What it says itself stays, though its list is drawn by the class before it.
            own = {name: getattr(admin_class, name) for name in HOOKS if hasattr(admin_class, name)}
            admin_class = type(admin_class.__name__, (Listed, admin_class), own)
        super().register(model_or_iterable, admin_class, **options)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """The overview."""
        from retrieval.admin.overview import Overview

        return Overview(request, self, {}).run()

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """The overview: rooms of the code mean nothing to whoever works here."""
        return HttpResponseRedirect(reverse("admin:index"))

    def extra_urls(self) -> list[URLPattern]:
        """Pages that belong to no model."""
        from retrieval.admin.console.pages import page_urls

        return page_urls(self)


def _scoped(view: View) -> View:
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with scope.console(request.user):
            try:
                response = view(request, *args, **kwargs)
            except (AuditError, RetrievalError) as error:
                raise _refusal(error) from error
            if isinstance(response, TemplateResponse) and not response.is_rendered:
                response.render()
            return response

    return inner


def _refusal(error: AuditError | RetrievalError) -> Exception:
    """What a browser is told of a service's refusal: not there, not allowed, or the error."""
    known: dict[int, Exception] = {403: PermissionDenied(), 404: Http404()}
    return known.get(error.status, error)
