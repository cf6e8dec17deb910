"""The console's pages on legal holds: listed, placed with what they keep shown first, released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit import second_person
from audit.actors import same_person
from audit.hold_models import HELD_THINGS, LegalHold
from audit.holds import Held
from audit.scope import actor_of
from retrieval import scope
from retrieval.admin.base import ReadOnly
from retrieval.admin.console.asking import Asking, ReasonForm, Touched, assets_touched
from retrieval.admin.console.layout import Button
from retrieval.admin.console.lists import Listed, Page
from retrieval.admin.decided import decided
from retrieval.admin.people import naming, scope_for
from retrieval.models import Collection
from retrieval.selectors.holds import assets_of
from retrieval.services import holds as services
from retrieval.states import State

# Of more assets than these the page gives the number alone; the whole list is one of the assets'.
_MOST_LISTED: Final = 5000
_LIST: Final = "admin:audit_legalhold_changelist"
_SAID: Final = {
    "asset": "One asset",
    "collection": "A collection, with all that is or comes into it",
    "subject": "A person: every asset linked to this subject",
    "query": "A search: its record, what was asked, and its hits",
}


class PlaceForm(ReasonForm):
    """What is held, and why."""

    what = forms.ChoiceField(label="What is held", widget=UnfoldAdminSelectWidget())
    which = forms.UUIDField(
        label="Its id",
        widget=UnfoldAdminTextInputWidget(),
        help_text="As its page, the search's page or the subject's page shows it.",
        error_messages={"invalid": "This is not an id, such as 7d0f3a52-…"},
    )
    field_order = ("what", "which", "reason")

    def __init__(self, *args: Any, things: Sequence[str], **kwargs: Any) -> None:
        """``things``: what this visitor may hold."""
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = [(name, _SAID[name]) for name in things]  # type: ignore[attr-defined] # a ChoiceField's


class _HoldPage(Asking):
    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def back(self) -> str:
        """The list."""
        return reverse(_LIST)


class PlaceHold(_HoldPage):
    """Placing a hold; what it would keep is shown first."""

    title, verb = "Place a legal hold", "Place the hold"

    def make_form(self, data: Any = None) -> forms.Form:
        """Stewards hold collections and assets; governors also people and searches."""
        governs = scope_for(self.request).everything
        things = HELD_THINGS if governs else ("asset", "collection")
        ordered = [one for one in ("asset", "collection", "subject", "query") if one in things]
        return PlaceForm(data, initial=self.initial(), things=ordered)

    def initial(self) -> dict[str, Any]:
        """What the page that led here names, as in ``?asset=…``."""
        named = {name: self.request.GET[name] for name in HELD_THINGS if name in self.request.GET}
        return {"what": next(iter(named)), "which": next(iter(named.values()))} if named else {}

    def touches(self, given: dict[str, Any]) -> Touched:
        """The assets that it would keep."""
        on = Held(**{given["what"]: given["which"]})
        reach = services.hold_reach(user=self.user, on=on)
        keeps = (
            "Until it is released nothing of these is purged, erased or deleted, whoever asks. "
            "It shows nothing: what consent withholds stays withheld."
        )
        notes = [keeps]
        if second_person.needed("hold_release"):
            notes.append("Somebody else than you will have to release it.")
        if on.collection is not None:
            notes.append("Assets that come into the collection later are held as well.")
        if reach.query_kept is not None:
            kept = (
                "is still kept, and will be as long as the hold" if reach.query_kept else "is gone"
            )
            notes.append(f"What was asked {kept}.")
        with scope.system():
            living = assets_of(on).exclude(state=State.ERASED)
            known = living
            if not scope_for(self.request).everything and reach.home is not None:
                known = living.filter(collection_id=reach.home)
            ids = list(known.order_by("id").values_list("id", flat=True)[: _MOST_LISTED + 1])
        if len(ids) > _MOST_LISTED:
            notes.append("They are too many to be listed here: the list of assets shows them.")
            ids = []
        counts = [("assets", reach.assets)]
        return assets_touched(
            self.request, ids, counts=counts, notes=notes, caption="What it keeps"
        )

    def do(self, given: dict[str, Any]) -> str:
        """Places it."""
        on = Held(**{given["what"]: given["which"]})
        services.hold_place(user=self.user, on=on, reason=given["reason"])
        return "The hold is in force."


class ReleaseHold(_HoldPage):
    """Releasing a hold; what then may go is shown first."""

    title, verb, danger = "Release a legal hold", "Release it", True
    form_class = ReasonForm

    def load(self) -> None:
        """The hold, if the visitor may know of it."""
        self.hold = services.hold_get(user=self.user, hold_id=self.target["hold_id"])

    def touches(self, given: dict[str, Any]) -> Touched:
        """What it keeps now; why it cannot be released, if so."""
        del given
        blocked = ""
        if self.hold.state == LegalHold.State.RELEASED:
            blocked = "It was released before."
        elif second_person.needed("hold_release") and (
            self.hold.placed_by is None
            or same_person(self.hold.placed_by, actor_of(self.request.user))
        ):
            blocked = "You placed it: somebody else has to release it."
        with scope.system():
            kept = services.reach_of(self.hold)
            number = kept.count()
            ids = list(kept.order_by("id").values_list("id", flat=True)[:_MOST_LISTED])
        lets_go = (
            "What another hold keeps stays held. Periods that are over meanwhile count from the "
            "next purge on, and requests for erasure that waited for this go on at once."
        )
        return assets_touched(
            self.request,
            ids if number <= _MOST_LISTED else [],
            counts=[("assets", number)],
            notes=[lets_go],
            blocked=blocked,
            caption="What it has kept",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Releases it."""
        services.hold_release(user=self.user, hold_id=self.hold.pk, reason=given["reason"])
        return "The hold is released."


@admin.register(LegalHold)
class LegalHoldAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    """Holds: all for governors, those on their collections for stewards."""

    list_says = (
        "A hold keeps what it covers from purge, erasure and deletion until somebody else releases "
        "it. It always wins, and it shows nothing that is withheld."
    )
    empty_says = "Nothing is on hold."
    list_filter = ["state"]
    search_fields = ["=id", "=asset", "=collection", "=subject", "=query"]
    search_help_text = "The id of a hold, or of what is held."
    ordering = ["-placed_at"]
    export_fields = ["state", *HELD_THINGS, "reason", "placed_at", "released_at", "release_reason"]
    pages = (
        Page("place/", "place", PlaceHold),
        Page("<uuid:hold_id>/release/", "release", ReleaseHold),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards; which, ``get_queryset`` decides."""
        return scope_for(request).allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegalHold]:
        """Those that the visitor may know of."""
        seen = scope_for(request)
        rows = LegalHold.objects.order_by("-placed_at")
        return decided(rows if seen.everything else rows.filter(home__in=sorted(seen.collections)))

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """Placing one."""
        return [Button("Place a hold", reverse("admin:audit_legalhold_place"), "primary")]

    def detail_buttons(self, request: HttpRequest, obj: LegalHold) -> Sequence[Button]:
        """Releasing it."""
        if obj.state == LegalHold.State.RELEASED:
            return []
        address = reverse("admin:audit_legalhold_release", args=[obj.pk])
        return [Button("Release it", address, "danger")]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns, made for this request."""
        who, names = naming(request), _Names()

        @display(description="on")
        def held(row: LegalHold) -> str:
            return names.of(row)

        @display(description="placed by", ordering="placed_by")
        def placed(row: LegalHold) -> str:
            return who(row.placed_by)

        @display(description="since", ordering="placed_at")
        def since(row: LegalHold) -> str:
            return f"{timezone.localtime(row.placed_at):%Y-%m-%d %H:%M}"

        return [held, "state", "reason", placed, since]

    def get_fields(self, request: HttpRequest, obj: LegalHold | None = None) -> list[Any]:
        """What one hold shows."""
        who = naming(request)

        @display(description="assets that it keeps")
        def keeps(row: LegalHold) -> str:
            with scope.system():
                return f"{services.reach_of(row).count():,}"

        @display(description="released by")
        def released(row: LegalHold) -> str:
            return who(row.released_by) if row.released_at else "-"

        return [*self.get_list_display(request), keeps, "released_at", released, "release_reason"]

    get_readonly_fields = get_fields


class _Names:
    """What holds are on, in words; each collection's name is read once."""

    def __init__(self) -> None:
        self._names: dict[UUID, str] = {}

    def of(self, hold: LegalHold) -> str:
        """``collection Letters``; ids for all else."""
        name = next(one for one in HELD_THINGS if getattr(hold, one) is not None)
        thing: UUID = getattr(hold, name)
        return f"{name} {self._collection(thing) if name == 'collection' else thing}"

    def _collection(self, pk: UUID) -> str:
        if pk not in self._names:
            with scope.system():
                found = Collection.objects.filter(pk=pk).values_list("name", flat=True).first()
            self._names[pk] = found or str(pk)
        return self._names[pk]
