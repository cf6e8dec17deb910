"""Lists of the console: filtered, sorted, paged without counting millions, exported, explained."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property

from retrieval.admin.base import visitor
from retrieval.admin.console.asking import Asking
from retrieval.admin.console.cells import FORMATS
from retrieval.admin.console.exporting import BATCH, Batch, Export, stream
from retrieval.admin.console.layout import Button, Figure, Tab
from retrieval.admin.console.pages import ConsolePage

if TYPE_CHECKING:
    from accounts.models import User

    _Paginator = Paginator[Any]
else:  # Django's own class takes no parameter
    _Paginator = Paginator

MOST_COUNTED: Final = 10_000


@dataclass(frozen=True)
class Page:
    """A page below a list's address: ``admin:<app>_<model>_<name>``."""

    route: str
    name: str
    view: type[ConsolePage | Asking]


class CappedPaginator(_Paginator):
    """Counts no further than ``MOST_COUNTED``: whoever has more rows than that filters."""

    @cached_property
    def count(self) -> int:
        """How many rows, or one more than ``MOST_COUNTED``."""
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by().values("pk")[: MOST_COUNTED + 1].count()

    @property
    def most(self) -> str:
        """How far is counted."""
        return f"{MOST_COUNTED:,}"

    @property
    def capped(self) -> bool:
        """Whether there are more than were counted."""
        return self.count > MOST_COUNTED


class _Counted(ChangeList):
    """A list that says how many rows it found, and nothing of how many there might be besides."""

    def get_results(self, request: HttpRequest) -> None:
        """One page of rows."""
        super().get_results(request)
        self.full_result_count = self.result_count


class _Unpaged(ChangeList):
    """The rows of a list, without fetching a page of them."""

    def get_results(self, request: HttpRequest) -> None:
        """Nothing is fetched; unfold and Django look at these two."""
        self.result_count = self.full_result_count = 0
        self.result_list = self.queryset.none()


# What an admin says of its own list and rows.
HOOKS: Final = (
    *("list_says", "empty_says", "export_fields", "exportable", "pages"),
    *("list_buttons", "list_tabs", "list_figures", "detail_buttons"),
)


class Listed:
    """For a ``ModelAdmin``, first among its bases; see the package for an example."""

    list_says = ""
    empty_says = ""
    export_fields: Sequence[str] = ()
    exportable = True
    pages: Sequence[Page] = ()
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    model: Any
    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, the export, and this list's own pages."""
        own = [path("export/", self._wrapped(self.export_view), name=self._name("export"))]
        own += [
            path(page.route, page.view.as_view(self.admin_site), name=self._name(page.name))
            for page in self.pages
        ]
        usual: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        # What happened is in the ledger; Django's own history knows of nothing.
        return [*own, *(one for one in usual if one.name != self._name("history"))]

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **kwargs: Any
    ) -> _Paginator:
        """One that does not count millions."""
        return CappedPaginator(queryset, per_page, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """How the rows are found."""
        return _Counted

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """Links above the list, to what adds to it."""
        return ()

    def list_tabs(self, request: HttpRequest) -> Sequence[Tab]:
        """Pages beside the list."""
        return ()

    def list_figures(self, request: HttpRequest) -> Sequence[Figure]:
        """Numbers above the list."""
        return ()

    def detail_buttons(self, request: HttpRequest, obj: Any) -> Sequence[Button]:
        """Links above one row's page, to what can be done with it."""
        return ()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The list, with what ``admin/console/list_head.html`` says above it."""
        if not self._may_look(request):
            raise PermissionDenied
        extra = {
            "console_says": self.list_says,
            "console_buttons": self.list_buttons(request),
            "console_tabs": self.list_tabs(request),
            "console_figures": self.list_figures(request),
            "console_empty": self.empty_says,
            "console_export": self._export_address(request) if self.exportable else "",
            **(extra_context or {}),
        }
        return super().changelist_view(request, extra)  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """One row's page, with its buttons above."""
        obj = kwargs.get("obj") or context.get("original")
        if obj is not None:
            context["console_buttons"] = self.detail_buttons(request, obj)
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as it is filtered, as CSV or JSON lines; with a POST, since it is recorded."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        kind = request.POST.get("format", "")
        if not self.exportable or kind not in FORMATS or not self._may_look(request):
            raise PermissionDenied
        bare = copy.copy(request)
        columns = self._columns(request)

        def fetch(user: User, after: object | None) -> Batch | None:
            asked = copy.copy(bare)
            asked.user = user
            if not self._may_look(asked):
                return None
            rows = self._rows(asked).order_by("pk")
            found = list((rows if after is None else rows.filter(pk__gt=after))[:BATCH])
            last = found[-1].pk if len(found) == BATCH else None
            return Batch([[read(row) for _, read in columns] for row in found], last)

        export = Export(
            name=f"{self.model._meta.app_label}.{self.model._meta.model_name}",  # noqa: SLF001 - Django's own way to name a model
            kind=kind,
            head=[name for name, _ in columns],
            fetch=fetch,
            filters=[name.split("__")[0] for name in request.GET],
        )
        return stream(export, user=visitor(request))

    def _may_look(self, request: HttpRequest) -> bool:
        allowed: bool = self.has_view_permission(request)  # type: ignore[attr-defined]
        return allowed

    def _rows(self, request: HttpRequest) -> QuerySet[Any]:
        """What the list shows this visitor by the request's filters."""
        admin: Any = self
        shown = admin.get_list_display(request)
        rows: QuerySet[Any] = _Unpaged(
            request,
            self.model,
            shown,
            admin.get_list_display_links(request, shown),
            admin.get_list_filter(request),
            admin.date_hierarchy,
            admin.get_search_fields(request),
            admin.get_list_select_related(request),
            self.list_per_page,
            self.list_max_show_all,
            admin.list_editable,
            admin,
            admin.get_sortable_by(request),
            admin.search_help_text,
        ).queryset
        return rows

    def _columns(self, request: HttpRequest) -> list[tuple[str, Callable[[Any], object]]]:
        admin: Any = self
        names = list(self.export_fields or admin.get_list_display(request))
        columns: list[tuple[str, Callable[[Any], object]]] = [("id", lambda row: str(row.pk))]
        for name in names:
            label = str(label_for_field(name, self.model, admin)).lower().replace(" ", "_")
            if name not in {"action_checkbox", "id", "pk"} and label != "id":
                columns.append((label, self._reader(name)))
        return columns

    def _reader(self, name: Any) -> Callable[[Any], object]:
        def read(row: Model) -> object:
            try:
                return lookup_field(name, row, self)[2]  # type: ignore[arg-type]
            except ObjectDoesNotExist:
                return None

        return read

    def _export_address(self, request: HttpRequest) -> str:
        address = reverse(f"admin:{self._name('export')}")
        asked = request.GET.urlencode()
        return f"{address}?{asked}" if asked else address

    def _name(self, page: str) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}_{page}"  # noqa: SLF001 - as above

    def _wrapped(self, view: Callable[..., HttpResponseBase]) -> Any:
        return self.admin_site.admin_view(view)
