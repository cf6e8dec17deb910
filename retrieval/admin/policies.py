"""The console's pages on retention policies: written in rows, with what falls due at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from audit.models import RetentionPolicy
from audit.retention import PolicyMissing, policy_create
from audit.scope import actor_of
from retrieval import scope
from retrieval.admin.base import ReadOnly
from retrieval.admin.console.asking import Asking, Touched
from retrieval.admin.console.layout import Button
from retrieval.admin.console.links import page_of
from retrieval.admin.console.lists import Listed, Page
from retrieval.admin.people import scope_for
from retrieval.admin.policy_form import SAID, PolicyForm, rule_said
from retrieval.models import Collection
from retrieval.selectors.due import Due
from retrieval.selectors.reach import names_of, reach_of
from retrieval.services.retention_control import policy_change
from retrieval.services.retention_plan import policy_preview


class _PolicyPage(Asking):
    template = "admin/console/policy.html"
    wide = True
    policy: RetentionPolicy | None = None

    def make_form(self, data: Any = None) -> forms.Form:
        """Rows for the rules as they are, and some to spare."""
        known = self.policy
        if known is None:
            return PolicyForm(data)
        return PolicyForm(data, name=known.name, rules=known.rules)

    def back(self) -> str:
        """The list."""
        return reverse("admin:audit_retentionpolicy_changelist")


class AddPolicy(_PolicyPage):
    """A new policy; it acts on nothing until a collection follows it."""

    title, verb = "New retention policy", "Keep it"

    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def touches(self, given: dict[str, Any]) -> Touched:
        """Nothing yet."""
        return Touched(
            notes=[f"It says: {rule_said(rule)}." for rule in given["rules"]],
            nothing="It acts on nothing until a collection follows it.",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Makes it."""
        actor = actor_of(self.request.user)
        policy_create(actor=actor, name=given["name"], rules=given["rules"])
        return "The policy is there for collections to follow."


class ChangePolicy(_PolicyPage):
    """Changing a policy, for every collection under it."""

    title, verb, danger = "Change a retention policy", "Change it", True

    def allowed(self) -> bool:
        """Governors: it touches every collection that follows it."""
        return scope_for(self.request).everything

    def load(self) -> None:
        """The policy as it is."""
        self.policy = RetentionPolicy.objects.filter(id=self.target["policy_id"]).first()
        if self.policy is None:
            raise PolicyMissing("There is no such retention policy.")

    def touches(self, given: dict[str, Any]) -> Touched:
        """What is due by the rules as they are, and as they would be, by collection and kind."""
        policy_id = self.target["policy_id"]
        preview = policy_preview(user=self.user, policy_id=policy_id, rules=given["rules"])
        before, after = _by_place(preview.now), _by_place(preview.then)
        names = names_of(reach_of(self.user))
        rows = {
            key: [names.get(key[1], str(key[1])), SAID[key[0]], before.get(key, 0), number]
            for key, number in after.items()
            if number or before.get(key)
        }
        more = sum(after.values()) - sum(before.values())
        notes = []
        if more > 0:
            notes.append(
                "What falls due goes with the next purge, within the hour. "
                "A hold or a pause placed before keeps it."
            )
        return Touched(
            counts=[
                ("collections follow it", preview.collections),
                ("due by it as it is", sum(before.values())),
                ("due at once by the change", sum(after.values())),
                ("kept by holds", sum(one.held for one in preview.then)),
            ],
            keys=sorted(rows, key=lambda key: (names.get(key[1], ""), key[0])),
            head=["Collection", "What", "Due now", "Due then"],
            describe=lambda keys: [rows[key] for key in keys],
            notes=notes,
            caption="What falls due at once",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Changes it."""
        policy_change(
            user=self.user,
            policy_id=self.target["policy_id"],
            name=given["name"],
            rules=given["rules"],
        )
        return "The policy is changed; deadlines follow it from now on."


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    """Policies. Stewards may add one; changing one touches every collection under it: governors."""

    list_says = (
        "A policy says what is destroyed after how many days. It acts on the collections that "
        "follow it; a collection's page says which it follows."
    )
    empty_says = "There is no policy: originals and everything else are kept."
    search_fields = ["name"]
    pages = (
        Page("new/", "new", AddPolicy),
        Page("<uuid:policy_id>/rules/", "rules", ChangePolicy),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards: policies hold rules, nothing of anybody's."""
        return scope_for(request).allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionPolicy]:
        """All, by name."""
        return RetentionPolicy.objects.order_by("name")

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """A new one, and what goes next."""
        found = [Button("New policy", reverse("admin:audit_retentionpolicy_new"), "primary")]
        calendar = page_of("console_calendar")
        return [*found, Button("What goes next", calendar)] if calendar else found

    def detail_buttons(self, request: HttpRequest, obj: RetentionPolicy) -> Sequence[Button]:
        """Changing it."""
        if not scope_for(request).everything:
            return []
        return [Button("Change it", reverse("admin:audit_retentionpolicy_rules", args=[obj.pk]))]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns, made for this request."""
        counted = _followers(request)

        @display(description="rules")
        def rules(row: RetentionPolicy) -> str:
            return "; ".join(rule_said(rule) for rule in row.rules) or "keeps everything"

        @display(description="collections")
        def collections(row: RetentionPolicy) -> int:
            return counted.get(row.pk, 0)

        return ["name", rules, collections, "created_at"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one policy shows."""
        return self.get_list_display(request)

    get_readonly_fields = get_fields


def _followers(request: HttpRequest) -> dict[Any, int]:
    """How many of the collections in the visitor's reach follow each policy."""
    seen = scope_for(request)
    with scope.system():
        rows = Collection.objects.filter(retention_policy__isnull=False).order_by()
        if not seen.everything:
            rows = rows.filter(id__in=sorted(seen.collections))
        counted = rows.values_list("retention_policy_id").annotate(n=Count("pk"))
        return dict(counted)


def _by_place(due: Sequence[Due]) -> dict[tuple[str, Any], int]:
    return {(one.what, one.collection): one.free + one.paused for one in due}
