"""One place for everything that a collection is governed by, each with where it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from retrieval import access, purposes, scope
from retrieval.access import Permission
from retrieval.admin.console import Button, Card, Cell, ConsolePage, Tab, Table, console_page
from retrieval.admin.console.links import list_of, page_of
from retrieval.admin.policy_form import rule_said
from retrieval.evaluation_models import EvaluationTask
from retrieval.models import Asset, Calibration, Collection, Grant
from retrieval.services.holds import holds_visible

_CALLED: Final = {"search": "Search", "training": "Training", "raw_access": "Originals"}


def governed_collection(user: Any, collection_id: UUID) -> Collection:
    """The collection, for its stewards and for governors, who may look at every one.

    Raises:
        NotVisible, NotAllowed: the user is neither. Http404: there is none.
    """
    if not user.is_governor:
        access.require(user=user, collection_id=collection_id, permission=Permission.GOVERN)
    with scope.system():
        rows = Collection.objects.select_related("retention_policy")
        found = rows.filter(pk=collection_id).first()
    if found is None:
        raise Http404
    return found


@console_page("collections/<uuid:collection_id>/rules/", "console_collection_rules")
class Rules(ConsolePage):
    """What a collection is governed by; its stewards change it from here."""

    wide = True

    def load(self) -> None:
        """The collection, and whether the visitor is one of its stewards."""
        self.collection = governed_collection(self.user, self.target["collection_id"])
        held = access.access_to(user=self.user, collection_id=self.collection.pk)
        self.stewards = held.allows(Permission.GOVERN)
        self.title = f"Rules of {self.collection.name}"

    def crumbs(self) -> Sequence[Tab]:
        """The list and the collection."""
        return [
            Tab("Collections", reverse("admin:retrieval_collection_changelist")),
            Tab(self.collection.name, self._at("retrieval_collection_change")),
        ]

    def cards(self) -> Sequence[Card]:
        """A card a kind of rule."""
        return [
            self._purposes(),
            self._redaction(),
            self._retention(),
            self._holds(),
            self._people(),
            self._models(),
            self._tasks(),
        ]

    def _at(self, name: str) -> str:
        return page_of(name, self.collection.pk)

    def _may(self, label: str, href: str) -> list[Button]:
        return [Button(label, href)] if self.stewards and href else []

    def _purposes(self) -> Card:
        rows = []
        for name, called in _CALLED.items():
            rule = self.collection.purposes.get(name) or {}
            needed = purposes.rule_of(self.collection.purposes, name).required
            special = f"Art. 9(2)({rule.get('art9_condition') or '?'})"
            rows.append(
                [
                    called,
                    Cell("required" if needed else "not required", tone="info" if needed else ""),
                    rule.get("legal_basis") or Cell("not named", tone="warn"),
                    special if rule.get("special_categories") else "none",
                ]
            )
        table = Table(
            ["Used for", "Consent", "Legal basis", "Special categories"], rows, "Purposes"
        )
        return Card(
            "Purposes and grounds",
            table=table,
            buttons=self._may("Change purposes", self._at("console_purposes")),
        )

    def _redaction(self) -> Card:
        profile = self.collection.redaction_profile
        link = page_of("retrieval_redactionprofile_detail", profile)
        rows = [["Profile", Cell(profile, link)]]
        anew = self._may("Redact anew", self._at("retrieval_collection_reredact"))
        table = Table(["What", "Which"], rows, "Redaction")
        return Card("Redaction", table=table, buttons=anew, wide=False)

    def _retention(self) -> Card:
        policy = self.collection.retention_policy
        rules = [[rule_said(rule)] for rule in policy.rules] if policy else []
        text = f"It follows the policy {policy.name}." if policy else ""
        table = Table(
            ["What goes, and when"], rows=rules, caption="Retention",
            empty="It follows no policy: originals and everything else are kept.",
        )  # fmt: skip
        pause = page_of("audit_retentionpause_place")
        buttons = self._may("Follow another policy", self._at("console_collection_policy"))
        buttons += self._may("Pause retention", f"{pause}?collection={self.collection.pk}")
        return Card("Retention", text=text, table=table, buttons=buttons, wide=False)

    def _holds(self) -> Card:
        with scope.system():
            found = holds_visible(user=self.user).filter(state="active")
            rows = [
                [
                    Cell("the collection" if one.collection else "an asset",
                         page_of("audit_legalhold_change", one.pk)),
                    one.reason,
                    one.placed_at,
                ]
                for one in found.filter(home=self.collection.pk)[:50]
            ]  # fmt: skip
        empty = "Nothing in it is on hold by itself. A hold on a person or a search may reach it."
        place = page_of("audit_legalhold_place")
        return Card(
            "Holds",
            table=Table(["On", "Reason", "Since"], rows, "Holds", empty),
            buttons=self._may("Place a hold", f"{place}?collection={self.collection.pk}"),
        )

    def _people(self) -> Card:
        now = timezone.now()
        with scope.system():
            rows = Grant.objects.filter(collection=self.collection)
            found = list(rows.select_related("user", "team").order_by("role", "created_at")[:200])
        shown = [
            [
                one.user.username if one.user else f"team {one.team.slug}",  # type: ignore[union-attr] # one of the two
                one.role,
                Cell("originals", tone="warn") if one.raw else "",
                Cell("over", tone="bad") if one.expires_at and one.expires_at < now
                else one.expires_at or "without end",
                *([Cell("End it", page_of("console_grant_end", self.collection.pk, one.pk))]
                  if self.stewards else []),
            ]
            for one in found
        ]  # fmt: skip
        head = ["Who", "Role", "Besides", "Until", *([""] if self.stewards else [])]
        give = self._may("Give somebody a role", self._at("console_grant_new"))
        return Card("People", table=Table(head, shown, "People"), buttons=give)

    def _models(self) -> Card:
        with scope.system():
            found = list(
                Calibration.objects.filter(collection=self.collection)
                .select_related("model_version")
                .order_by("-created_at")[:20]
            )
        rows = [
            [one.model_version.ref, f"{one.query_modality} to {one.target_modality}", one.status]
            for one in found
        ]
        text = f"Searched with the model set {self.collection.model_set}."
        table = Table(
            ["Calibrated", "Pair", "State"],
            rows,
            "Calibrations",
            "It has no calibration of its own; those of the models hold.",
        )
        votes = self._may("Feedback and calibration", self._at("retrieval_collection_feedback"))
        return Card("Models", text=text, table=table, buttons=votes, wide=False)

    def _tasks(self) -> Card:
        with scope.system():
            tasks = EvaluationTask.objects.filter(collection=self.collection).order_by(
                "name", "-version"
            )
            newest = {one.name: one for one in reversed(tasks)}
        rows = [
            [one.name, f"{one.pair} {one.figure}".strip(), one.bound]
            for one in newest.values()
            if one.active
        ]
        empty = "Nothing is declared to be good enough, so no evaluation passes or fails."
        link = self._at("retrieval_evaluationtask_of")
        return Card(
            "What is good enough",
            table=Table(["Task", "Figure", "Bound"], rows, "Declared tasks", empty),
            buttons=self._may("Declared tasks", link),
            wide=False,
        )

    def buttons(self) -> Sequence[Button]:
        """To what it holds."""
        return [
            Button("Its assets", list_of(Asset, collection__id__exact=self.collection.pk)),
            Button("Name and description", self._at("retrieval_collection_change")),
        ]
