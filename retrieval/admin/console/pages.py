"""Pages of the console that are no list of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from audit.errors import AuditError
from retrieval import access
from retrieval.admin.base import visitor
from retrieval.admin.console.layout import Button, Card, Tab
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from accounts.models import User

T = TypeVar("T", bound="ConsolePage")
ServiceError = (RetrievalError, AuditError)


class ConsolePage:
    """One page for one request; ``target`` holds what its address names.

    It runs within the visitor's own scope. Whoever the console admits may look, unless ``allowed``
    says otherwise; ``load`` fetches what the page is about and says what is not there.
    """

    title = ""
    lead = ""
    template = "admin/console/page.html"
    wide = False
    methods: Sequence[str] = ("GET", "HEAD")

    def __init__(self, request: HttpRequest, site: Any, target: dict[str, Any]) -> None:
        self.request = request
        self.site = site
        self.target = target
        self.user: User = visitor(request)

    def allowed(self) -> bool:
        """Whether the visitor may open it at all."""
        return access.may_enter_console(user=self.user)

    def load(self) -> None:
        """Fetches what the page is about.

        Raises:
            Http404, PermissionDenied, RetrievalError, AuditError: it is not for this visitor.
        """

    def tabs(self) -> Sequence[Tab]:
        """Pages beside this one."""
        return ()

    def crumbs(self) -> Sequence[Tab]:
        """Links to the pages above this one, outermost first."""
        return ()

    def buttons(self) -> Sequence[Button]:
        """What can be done here."""
        return ()

    def cards(self) -> Sequence[Card]:
        """The parts of the page."""
        return ()

    def context(self) -> dict[str, Any]:
        """More words for a template of its own."""
        return {}

    def answer(self) -> HttpResponseBase:
        """The page."""
        return self.render()

    def render(self, **words: Any) -> TemplateResponse:
        """The page's template with everything that it says."""
        context = {
            **self.site.each_context(self.request),
            "title": self.title,
            "content_title": self.title,
            "page": self,
            "is_fullwidth": "1" if self.wide else "",
            "console_says": self.lead,
            "console_tabs": self.tabs(),
            "console_buttons": self.buttons(),
            "crumbs": self.crumbs(),
            "cards": self.cards(),
            **self.context(),
            **words,
        }
        return TemplateResponse(self.request, self.template, context)

    def run(self) -> HttpResponseBase:
        """Decides, loads and answers."""
        if self.request.method not in self.methods:
            return HttpResponseNotAllowed(self.methods)
        if not self.allowed():
            raise PermissionDenied
        try:
            self.load()
        except ServiceError as error:
            refuse(error)
        return self.answer()

    @classmethod
    def as_view(cls, site: Any) -> Callable[..., HttpResponseBase]:
        """The page as a view of ``site``, in the visitor's scope."""

        def view(request: HttpRequest, **target: Any) -> HttpResponseBase:
            return cls(request, site, target).run()

        view.__name__ = cls.__name__
        wrapped: Callable[..., HttpResponse] = site.admin_view(view)
        return wrapped


def refuse(error: Exception) -> None:
    """Raises what a browser is told: not there, not allowed, or the error itself.

    Raises:
        Http404: the visitor may not know of it.
        PermissionDenied: the visitor may not do it.
    """
    status = getattr(error, "status", 500)
    if status == 404:  # noqa: PLR2004 - HTTP's own number
        raise Http404 from None
    if status == 403:  # noqa: PLR2004 - as above
        raise PermissionDenied from None
    raise error


@dataclass(frozen=True)
class _Registered:
    route: str
    name: str
    page: type[ConsolePage]


_pages: list[_Registered] = []


def console_page(route: str, name: str) -> Callable[[type[T]], type[T]]:
    """Puts a page at ``/console/<route>``, as ``admin:<name>``."""

    def register(page: type[T]) -> type[T]:
        _pages.append(_Registered(route, name, page))
        return page

    return register


def page_urls(site: Any) -> list[URLPattern]:
    """Addresses of every page that was registered."""
    return [path(one.route, one.page.as_view(site), name=one.name) for one in _pages]


def may_open(request: HttpRequest, site: Any, name: str) -> bool:
    """Whether the visitor may open the registered page of this name; others say so themselves."""
    found = next((one.page for one in _pages if one.name == name), None)
    return found is None or found(request, site, {}).allowed()
