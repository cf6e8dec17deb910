"""What is done about erasures, each step shown before it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from audit import second_person
from audit.actors import same_person
from audit.scope import actor_of
from retrieval import scope
from retrieval.admin.console import Asking, Tab, Touched, assets_touched
from retrieval.admin.people import scope_for
from retrieval.errors import NotVisible
from retrieval.selectors.erasures import CandidateRow, Plan, erasure_get
from retrieval.services import erasures as services

_LIST: Final = "admin:audit_erasurerequest_changelist"
_THINGS: Final = {
    "asset": "One asset",
    "subject": "A person: every asset linked to this subject, and what is kept of the person",
}
WHOLE = (
    "An asset that is about several people goes as a whole: there is no part of it that is not "
    "also this person's."
)


def erasure_address(request_id: UUID) -> str:
    """The page of one request."""
    return reverse("admin:audit_erasurerequest_change", args=[request_id])


def plan_touched(request: HttpRequest, plan: Plan, **words: Any) -> Touched:
    """What goes, asset by asset, with what speaks about each."""
    why = {}
    for one in plan.assets:
        said = [one.via]
        if one.others:
            others = "person" if one.others == 1 else "people"
            said.append(f"about {one.others} other {others} too")
        if one.holds:
            said.append("kept by a legal hold")
        why[one.asset] = "; ".join(said)
    counts = [
        ("assets", len(plan.assets)),
        ("about other people too", plan.shared),
        ("kept by a legal hold", plan.held),
    ]
    ids = [one.asset for one in plan.assets]
    with scope.system():
        touched = assets_touched(
            request, ids, counts=counts, why=why, **{"caption": "What goes"} | words
        )
    return Touched(
        counts=touched.counts,
        keys=touched.keys,
        head=touched.head,
        describe=_as_the_appliance(touched),
        notes=touched.notes,
        blocked=touched.blocked,
        caption=touched.caption,
        nothing="No asset is named; what is kept of the person goes.",
    )


def _as_the_appliance(touched: Touched) -> Any:
    """The rows of a list that access has decided on."""

    def describe(keys: Sequence[Any]) -> Sequence[Sequence[object]]:
        with scope.system():
            return touched.describe(keys)

    return describe


class NewForm(forms.Form):
    """What is to be erased."""

    what = forms.ChoiceField(label="What is erased", widget=UnfoldAdminSelectWidget())
    which = forms.UUIDField(
        label="Its id",
        widget=UnfoldAdminTextInputWidget(),
        help_text="As its page shows it.",
        error_messages={"invalid": "This is not an id, such as 7d0f3a52-…"},
    )
    approval = forms.ChoiceField(
        label="When it begins",
        choices=[("policy", "As the policy says"), ("wait", "After an approval in any case")],
        widget=UnfoldAdminSelectWidget(),
        help_text="Until it is approved, assets that nobody linked can be reviewed.",
    )

    def __init__(self, *args: Any, things: Sequence[str], **kwargs: Any) -> None:
        """``things``: what this visitor may have erased."""
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = [(name, _THINGS[name]) for name in things]  # type: ignore[attr-defined] # a ChoiceField's


class _Page(Asking):
    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def crumbs(self) -> Sequence[Tab]:
        """The list."""
        return [Tab("Erasures", reverse(_LIST))]

    def back(self) -> str:
        """The list."""
        return reverse(_LIST)


class NewErasure(_Page):
    """Asking for one; what would go is shown first."""

    title, verb, danger = "Ask for an erasure", "Ask for it", True

    def make_form(self, data: Any = None) -> forms.Form:
        """Stewards have assets erased, governors people too."""
        things = ["asset", "subject"] if scope_for(self.request).everything else ["asset"]
        named = {name: self.request.GET[name] for name in things if name in self.request.GET}
        first = next(iter(named.items()), None)
        initial = {"what": first[0], "which": first[1]} if first else {}
        return NewForm(data, initial=initial, things=things)

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would go now."""
        plan = services.erasure_preview(by=self.user, **{f"{given['what']}_id": given["which"]})
        notes = [WHOLE]
        if given["what"] == "subject":
            notes.append(
                "Assets from which the person's identifier was taken out and that nobody linked "
                "are looked for; you review them on the next page."
            )
        if second_person.needed("erasure"):
            notes.append("Somebody else than you has to approve it; until then nothing goes.")
        elif given["approval"] == "policy":
            notes.append("It begins at once. It cannot be undone.")
        return plan_touched(self.request, plan, notes=notes)

    def do(self, given: dict[str, Any]) -> str:
        """Asks."""
        named = {f"{given['what']}_id": given["which"]}
        wait = given["approval"] == "wait"
        made = services.erasure_request(by=self.user, wait=wait, **named)
        self.made = made.id
        return f"The erasure is asked for; it is {made.state.replace('_', ' ')}."

    def back(self) -> str:
        """The request's page, once there is one."""
        made = getattr(self, "made", None)
        return super().back() if made is None else erasure_address(made)


class _OfErasure(_Page):
    def load(self) -> None:
        """The request, if the visitor may know of it."""
        self.erasure = erasure_get(user=self.user, request_id=self.target["request_id"])

    def crumbs(self) -> Sequence[Tab]:
        """The list and the request."""
        here = erasure_address(self.erasure.id)
        return [*super().crumbs(), Tab(f"Erasure {str(self.erasure.id)[:8]}", here)]

    def back(self) -> str:
        """The request's page."""
        return erasure_address(self.erasure.id)


class ApproveErasure(_OfErasure):
    """The second person's word on exactly what is listed."""

    title, verb, danger = "Approve the erasure", "Approve it: these go for good", True

    def touches(self, given: dict[str, Any]) -> Touched:
        """What goes; why it cannot be approved, if so."""
        del given
        erasure = self.erasure
        blocked = ""
        if erasure.state != "awaiting_approval":
            blocked = f"It is {erasure.state}; it waits for no approval."
        elif second_person.needed("erasure") and (
            erasure.requested_by is None
            or same_person(erasure.requested_by, actor_of(self.request.user))
        ):
            blocked = "You asked for it: somebody else has to approve it."
        waiting = sum(one.decision == "open" for one in erasure.candidates)
        notes = [WHOLE, "It begins at once. It cannot be undone."]
        if waiting:
            notes.append(
                f"Of the assets that nobody linked, {waiting} are not reviewed yet: these stay, "
                "and the receipt says so."
            )
        return plan_touched(self.request, erasure.plan, notes=notes, blocked=blocked)

    def do(self, given: dict[str, Any]) -> str:
        """Approves what was listed."""
        del given
        services.erasure_approve(
            by=self.user, request_id=self.erasure.id, plan=self.erasure.plan.digest
        )
        return "The erasure is approved and has begun."


class RefuseErasure(_OfErasure):
    """Ending a request before anything went."""

    title, verb = "Refuse the erasure", "Refuse it"

    def touches(self, given: dict[str, Any]) -> Touched:
        """Nothing goes."""
        del given
        waits = self.erasure.state == "awaiting_approval"
        blocked = "" if waits else f"It is {self.erasure.state}; it waits for no approval."
        return Touched(blocked=blocked, nothing="Nothing is erased. It can be asked for again.")

    def do(self, given: dict[str, Any]) -> str:
        """Refuses it."""
        del given
        services.erasure_refuse(by=self.user, request_id=self.erasure.id)
        return "The erasure is refused; nothing was erased."


class ReviewForm(forms.Form):
    """Whether an asset is about the person."""

    decision = forms.ChoiceField(
        label="Is it about this person?",
        choices=[("include", "Yes: it goes too"), ("exclude", "No: it stays")],
        widget=UnfoldAdminSelectWidget(),
    )
    reason = forms.CharField(
        label="If it is not, why",
        required=False,
        max_length=services.MOST_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="It is recorded. Write no names or other personal data.",
    )


class ReviewCandidate(_OfErasure):
    """Deciding about an asset that nobody linked."""

    title, verb = "An asset that nobody linked", "Record it"
    lead = (
        "The person's identifier was taken out of this asset. It may be about the person, or about "
        "somebody of the same name."
    )
    form_class = ReviewForm

    def load(self) -> None:
        """The request and its candidate.

        Raises:
            NotVisible: there is no such one.
        """
        super().load()
        wanted = self.target["candidate_id"]
        found = [one for one in self.erasure.candidates if one.id == wanted]
        if not found:
            raise NotVisible("There is no such candidate.")
        self.candidate: CandidateRow = found[0]

    def touches(self, given: dict[str, Any]) -> Touched:
        """The asset."""
        why = "goes too" if given["decision"] == "include" else "stays"
        notes = []
        if given["decision"] == "include" and self.erasure.state in ("done", "held"):
            notes.append("The erasure has run: this goes at once, and another receipt tells of it.")
        with scope.system():
            touched = assets_touched(
                self.request,
                [self.candidate.asset],
                counts=[("assets", 1)],
                why={self.candidate.asset: why},
                notes=notes,
            )
        return Touched(
            counts=touched.counts,
            keys=touched.keys,
            head=touched.head,
            describe=_as_the_appliance(touched),
            notes=touched.notes,
            caption="The asset",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Decides it."""
        services.candidate_decide(
            by=self.user,
            request_id=self.erasure.id,
            candidate_id=self.candidate.id,
            decision=given["decision"],
            reason=given["reason"],
        )
        return "It goes too." if given["decision"] == "include" else "It stays."
