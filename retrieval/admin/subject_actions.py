"""What governors do about people, each step shown before it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from audit.subjects import Hold
from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.consent_forms import (
    AskedForm,
    LiftForm,
    LinkForm,
    RevealForm,
    SubjectForm,
)
from retrieval.admin.console import (
    Asking,
    Cell,
    ConsolePage,
    Tab,
    Touched,
    assets_touched,
)
from retrieval.admin.console.layout import Tone
from retrieval.selectors.subjects import subject_get
from retrieval.services import consents as services
from retrieval.services import linking
from retrieval.services.withholding import Reconsidered
from retrieval.subject_models import AssetSubject

TONES: dict[str, Tone] = {
    "active": "good", "restricted": "warn", "objected": "warn", "erased": "",
    "valid": "good", "future": "info", "expired": "warn", "superseded": "", "withdrawn": "bad",
    "searchable": "good", "withheld": "warn",
}  # fmt: skip


def toned(state: str) -> Cell:
    """A state as a coloured word."""
    return Cell(state, tone=TONES.get(state, ""))


def subject_address(subject_id: UUID) -> str:
    """The page of one person."""
    return reverse("admin:audit_datasubject_change", args=[subject_id])


def outcome(request: HttpRequest, changed: Reconsidered, **words: Any) -> Touched:
    """What a change would withhold and let back, asset by asset."""
    returning = dict.fromkeys(changed.returned, "comes back")
    return assets_touched(
        request,
        [*changed.withheld, *changed.returned],
        counts=[("disappear", len(changed.withheld)), ("come back", len(changed.returned))],
        why=changed.reasons | returning,
        **words,
    )


class GovernorsOnly(ReadOnly):
    """Records about people, for governors."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors."""
        user = visitor(request)
        return user.is_active and user.is_governor

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Governors."""
        return self.has_module_permission(request)


class GovernorsPage(ConsolePage):
    """A page for governors."""

    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor


class GovernorsAsking(Asking):
    """An action of governors."""

    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor


class _OfSubject(GovernorsAsking):
    """An action on one person."""

    def load(self) -> None:
        """The person."""
        self.view = subject_get(user=self.user, subject_id=self.target["subject_id"])
        self.subject_id = self.view.subject.id

    def crumbs(self) -> Sequence[Tab]:
        """The list and the person."""
        return subject_crumbs(self.subject_id)

    def back(self) -> str:
        """The person's page."""
        return subject_address(self.subject_id)


def subject_crumbs(subject_id: UUID) -> list[Tab]:
    """Links above what is about one person."""
    people = reverse("admin:audit_datasubject_changelist")
    return [Tab("Subjects", people), Tab(str(subject_id)[:8], subject_address(subject_id))]


class NewSubject(GovernorsAsking):
    """A person's random id."""

    title, verb = "New subject", "Make it"
    form_class = SubjectForm
    made: UUID | None = None

    def touches(self, given: dict[str, Any]) -> Touched:
        """Nothing but the record."""
        return Touched(nothing="Nothing changes but that the subject is there.")

    def do(self, given: dict[str, Any]) -> str:
        """Makes it, or finds it."""
        made = services.subject_register(by=self.user, identifier=given["identifier"])
        self.made = made.subject.id
        return "The subject is there." if made.new else "It was known already."

    def back(self) -> str:
        """The person's page, once there is one."""
        if self.made is not None:
            return subject_address(self.made)
        return reverse("admin:audit_datasubject_changelist")


class _Held(_OfSubject):
    """What a person asks for: its assets disappear."""

    danger = True
    form_class = AskedForm
    hold: Hold
    done: str

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would disappear."""
        tried = services.subject_hold(
            by=self.user, subject_id=self.subject_id, hold=self.hold, dry_run=True, **given
        )
        notes = ["It lasts until a governor lifts it, whatever consents are recorded."]
        return outcome(self.request, tried.changed, notes=notes)

    def do(self, given: dict[str, Any]) -> str:
        """Does it."""
        made = services.subject_hold(
            by=self.user, subject_id=self.subject_id, hold=self.hold, **given
        )
        return f"{self.done} {len(made.changed.withheld)} assets are withheld."


class Restrict(_Held):
    """Restriction of processing."""

    title, verb, hold = "Restrict the processing", "Restrict it", "restricted"
    lead = "GDPR Art. 18: what is about the person is kept, and neither found nor shown."
    done = "The processing is restricted."


class Object(_Held):
    """An objection."""

    title, verb, hold = "Note an objection", "Note it", "objected"
    lead = "GDPR Art. 21: the person objects to the processing; it ends until that is lifted."
    done = "The objection is noted."


class Lift(_OfSubject):
    """The end of either."""

    title, verb = "Lift a restriction or an objection", "Lift it"
    form_class = LiftForm

    def initial(self) -> dict[str, Any]:
        """What holds now."""
        subject = self.view.subject
        held = {"restricted": subject.restricted_at, "objected": subject.objected_at}
        return {"what": [name for name, since in held.items() if since is not None]}

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would come back."""
        tried = services.subject_release(
            by=self.user, subject_id=self.subject_id, holds=given["what"],
            reason=given["reason"], dry_run=True,
        )  # fmt: skip
        return outcome(self.request, tried.changed)

    def do(self, given: dict[str, Any]) -> str:
        """Lifts it."""
        made = services.subject_release(
            by=self.user, subject_id=self.subject_id, holds=given["what"], reason=given["reason"]
        )
        return f"Lifted. {len(made.changed.returned)} assets are on their way back."


class Reveal(GovernorsPage):
    """Who a person is: shown in the answer alone, kept in no message, session or address."""

    title = "Reveal the identifier"
    template = "admin/console/reveal.html"
    methods = ("GET", "HEAD", "POST")

    def load(self) -> None:
        """The person."""
        self.view = subject_get(user=self.user, subject_id=self.target["subject_id"])

    def crumbs(self) -> Sequence[Tab]:
        """The list and the person."""
        return subject_crumbs(self.view.subject.id)

    def answer(self) -> HttpResponseBase:
        """The question why, or the identifier once the reason is recorded."""
        form = RevealForm(self.request.POST if self.request.method == "POST" else None)
        shown = None
        if form.is_valid():
            shown = services.identifier_reveal(
                by=self.user, subject_id=self.view.subject.id, **form.cleaned_data
            )
        response = self.render(
            form=form, done=form.is_valid(), shown=shown, back=subject_address(self.view.subject.id)
        )
        response["Cache-Control"] = "no-store"
        return response


class Link(_OfSubject):
    """A person in an asset."""

    title, verb = "Link an asset", "Link it"
    lead = "What the person has not permitted disappears with the link."
    form_class = LinkForm

    def initial(self) -> dict[str, Any]:
        """An asset that another page names."""
        return {"asset": self.request.GET.get("asset", "")}

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would disappear."""
        return outcome(self.request, self._linked(given, dry_run=True))

    def do(self, given: dict[str, Any]) -> str:
        """Links it."""
        changed = self._linked(given, dry_run=False)
        return "Linked; it is withheld now." if changed.withheld else "Linked."

    def _linked(self, given: dict[str, Any], *, dry_run: bool) -> Reconsidered:
        return linking.subjects_link(
            by=self.user, asset_id=given["asset"], subject_ids=[self.subject_id],
            consent_id=given["consent"], via=AssetSubject.Via.CONSOLE, dry_run=dry_run,
        )  # fmt: skip
