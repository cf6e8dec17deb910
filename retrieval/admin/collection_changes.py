"""Changes to what a collection is governed by, each shown before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any, Final
from uuid import UUID

from django import forms
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Team, User
from audit.models import RetentionPolicy
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.admin.collection_rules import governed_collection
from retrieval.admin.console import Asking, Tab, Touched, console_page
from retrieval.admin.policy_form import SAID, rule_said
from retrieval.errors import Invalid, NotVisible
from retrieval.models import Grant, Role
from retrieval.services.collections import (
    Holder,
    collection_update,
    grant_create,
    grant_delete,
)
from retrieval.services.retention_plan import collection_preview

_MEANS: Final = {
    Role.SEARCHER: "searches it and sees the redacted renditions",
    Role.CONTRIBUTOR: "searches it, and uploads",
    Role.CURATOR: "searches it, uploads, sees assets in every state and deletes them",
    Role.STEWARD: "governs it: grants, rules, reviews and its audit; without reading it",
}


class _OfCollection(Asking):
    """An action in one collection, for its stewards."""

    def load(self) -> None:
        """The collection."""
        self.collection_id: UUID = self.target["collection_id"]
        access.require(
            user=self.user, collection_id=self.collection_id, permission=Permission.GOVERN
        )
        self.collection = governed_collection(self.user, self.collection_id)

    def crumbs(self) -> Sequence[Tab]:
        """The list and the collection's rules."""
        return [
            Tab("Collections", reverse("admin:retrieval_collection_changelist")),
            Tab(self.collection.name, self.back()),
        ]

    def back(self) -> str:
        """The collection's rules."""
        return reverse("admin:console_collection_rules", args=[self.collection_id])


def _policies() -> list[tuple[str, str]]:
    known = RetentionPolicy.objects.order_by("name").values_list("pk", "name")
    return [("", "none: everything is kept"), *((str(pk), name) for pk, name in known)]


class FollowForm(forms.Form):
    """Which policy, or none."""

    policy = forms.ChoiceField(choices=_policies, required=False, widget=UnfoldAdminSelectWidget)


@console_page("collections/<uuid:collection_id>/policy/", "console_collection_policy")
class Follow(_OfCollection):
    """Another retention policy for a collection, with what falls due at once by it."""

    title, verb, danger = "Follow another retention policy", "Follow it", True
    form_class = FollowForm

    def initial(self) -> dict[str, Any]:
        """The policy as it is."""
        return {"policy": str(self.collection.retention_policy_id or "")}

    def touches(self, given: dict[str, Any]) -> Touched:
        """What is due by the policy as it is, and by the one chosen."""
        policy = _chosen(given["policy"])
        with scope.system():
            place = {"collection_id": self.collection_id}
            now = collection_preview(policy=self.collection.retention_policy, **place)
            then = collection_preview(policy=policy, **place)
        before = {one.what: one.free for one in now}
        rows = {one.what: [SAID[one.what], before.get(one.what, 0), one.free] for one in then}
        notes = [f"It says: {rule_said(rule)}." for rule in policy.rules] if policy else []
        if sum(one.free for one in then) > sum(before.values()):
            notes.append("What falls due goes with the next purge, within the hour.")
        return Touched(
            counts=[
                ("due by its policy as it is", sum(before.values())),
                ("due at once by the one chosen", sum(one.free for one in then)),
                ("kept by holds", sum(one.held for one in then)),
            ],
            keys=sorted(rows),
            head=["What", "Due now", "Due then"],
            describe=lambda keys: [rows[key] for key in keys],
            notes=notes,
            caption="What falls due at once",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Sets it."""
        policy = _chosen(given["policy"])
        collection_update(
            by=self.user,
            collection_id=self.collection_id,
            retention_policy=policy.pk if policy else None,
        )
        return "The collection follows it; deadlines are computed anew."


def _chosen(policy_id: str) -> RetentionPolicy | None:
    return RetentionPolicy.objects.filter(pk=policy_id).first() if policy_id else None


class GrantForm(forms.Form):
    """Whom, what, and until when."""

    kind = forms.ChoiceField(
        label="Whom", choices=[("user", "a user"), ("team", "a team")],
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    name = forms.CharField(
        label="User name or team",
        max_length=150,
        widget=UnfoldAdminTextInputWidget,
        help_text="A user's name, or a team's short name.",
    )
    role = forms.ChoiceField(
        choices=[(role.value, f"{role.label}: {said}") for role, said in _MEANS.items()],
        widget=UnfoldAdminSelectWidget,
    )
    raw = forms.BooleanField(
        label="Also originals, each time with a reason",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    until = forms.DateField(
        label="Until the end of",
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text="In UTC. Empty: without end.",
    )


@console_page("collections/<uuid:collection_id>/grants/new/", "console_grant_new")
class Give(_OfCollection):
    """A role in the collection for a user or a team."""

    title, verb = "Give somebody a role", "Give it"
    form_class = GrantForm

    def touches(self, given: dict[str, Any]) -> Touched:
        """What it lets them do."""
        holder = _holder(given)
        counts = []
        if holder.team is not None:
            counts = [("people in the team", holder.team.memberships.count())]
        means = _MEANS[Role(given["role"])]
        return Touched(counts=counts, notes=[f"Whoever holds it {means}."], nothing="")

    def do(self, given: dict[str, Any]) -> str:
        """Gives it."""
        day = given["until"]
        grant_create(
            by=self.user,
            collection_id=self.collection_id,
            holder=_holder(given),
            role=given["role"],
            raw=given["raw"],
            expires_at=datetime.combine(day, time.max, tzinfo=UTC) if day else None,
        )
        return f"{given['name']} is {given['role']} of the collection."


def _holder(given: dict[str, Any]) -> Holder:
    """Whom the form names.

    Raises:
        Invalid: nobody is called so.
    """
    if given["kind"] == "team":
        team = Team.objects.filter(slug=given["name"]).first()
        found = Holder(team=team) if team else None
    else:
        user = User.objects.filter(username=given["name"], is_active=True).first()
        found = Holder(user=user) if user else None
    if found is None:
        message = f"There is no {given['kind']} of this name."
        raise Invalid(message, fields={"name": [message]})
    return found


@console_page("collections/<uuid:collection_id>/grants/<uuid:grant_id>/end/", "console_grant_end")
class End(_OfCollection):
    """The end of a grant, at once."""

    title, verb, danger = "End a grant", "End it", True

    def load(self) -> None:
        """The grant, in this collection."""
        super().load()
        with scope.system():
            rows = Grant.objects.filter(collection_id=self.collection_id)
            found = rows.select_related("user", "team").filter(pk=self.target["grant_id"]).first()
        if found is None:
            raise NotVisible("There is no such grant.")
        self.grant = found

    def touches(self, given: dict[str, Any]) -> Touched:
        """Whose it is."""
        del given
        who = self.grant.user.username if self.grant.user else f"the team {self.grant.team}"
        return Touched(
            notes=[f"{who} is no {self.grant.role} of it any more, at once."], nothing=""
        )

    def do(self, given: dict[str, Any]) -> str:
        """Ends it."""
        del given
        grant_delete(by=self.user, collection_id=self.collection_id, grant_id=self.grant.pk)
        return "The grant has ended."
