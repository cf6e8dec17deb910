"""A collection's purposes: on what ground it may be used; what disappears is shown first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from retrieval import access
from retrieval.access import Permission
from retrieval.admin.console import Asking, Tab, Touched, console_page
from retrieval.admin.subject_actions import outcome
from retrieval.models import Collection
from retrieval.purposes import ARTICLE_9, NAMES, rule_problem
from retrieval.services.collections import collection_update, purposes_preview

_CONSENT = [("not_required", "not required"), ("required", "required from everybody in an asset")]
_CONDITIONS = [("", "none"), *((letter, f"Art. 9(2)({letter})") for letter in ARTICLE_9)]
_CALLED = {"search": "Search", "training": "Training", "raw_access": "Originals"}


class PurposesForm(forms.Form):
    """Four fields for each purpose, called ``<purpose>_<field>``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The fields of every purpose."""
        super().__init__(*args, **kwargs)
        for name in NAMES:
            self.fields[f"{name}_consent"] = forms.ChoiceField(
                label=f"{_CALLED[name]}: consent",
                choices=_CONSENT,
                widget=UnfoldAdminSelectWidget(),
            )
            self.fields[f"{name}_legal_basis"] = forms.CharField(
                label=f"{_CALLED[name]}: legal basis",
                required=False,
                max_length=300,
                widget=UnfoldAdminTextInputWidget(),
            )
            self.fields[f"{name}_special_categories"] = forms.ChoiceField(
                label=f"{_CALLED[name]}: special categories of data",
                choices=[("", "no"), ("yes", "yes")],
                required=False,
                widget=UnfoldAdminSelectWidget(),
            )
            self.fields[f"{name}_art9_condition"] = forms.ChoiceField(
                label=f"{_CALLED[name]}: condition of GDPR Art. 9(2)",
                choices=_CONDITIONS,
                required=False,
                widget=UnfoldAdminSelectWidget(),
                help_text="(a): every consent must be an explicit one.",
            )

    def clean(self) -> dict[str, Any]:
        """Refuses rules that cannot be meant, beside the field they begin with."""
        given: dict[str, Any] = super().clean() or {}
        for name, rule in purposes_from(given).items():
            problem = rule_problem(rule)
            if problem:
                self.add_error(f"{name}_consent", problem)
        return given


def purposes_from(given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A form's cleaned data as a collection keeps it."""
    fields = ("consent", "legal_basis", "special_categories", "art9_condition")
    rules = {
        name: {one: given[f"{name}_{one}"] for one in fields if f"{name}_{one}" in given}
        for name in NAMES
    }
    for rule in rules.values():
        rule["special_categories"] = bool(rule.get("special_categories"))
    return rules


@console_page("collections/<uuid:collection_id>/purposes/", "console_purposes")
class Purposes(Asking):
    """New purposes of one collection; its stewards."""

    title, verb = "Purposes", "Set them"
    lead = "They hold at once, for everything that is there: what is not permitted is withheld."
    form_class = PurposesForm

    def load(self) -> None:
        """The collection."""
        self.collection_id: UUID = self.target["collection_id"]
        access.require(
            user=self.user, collection_id=self.collection_id, permission=Permission.GOVERN
        )
        found = Collection.objects.filter(pk=self.collection_id).first()
        if found is None:
            raise Http404
        self.collection = found
        self.title = f"Purposes of {found.name}"

    def crumbs(self) -> Sequence[Tab]:
        """The list and the collection."""
        return [
            Tab("Collections", reverse("admin:retrieval_collection_changelist")),
            Tab(self.collection.name, self.back()),
        ]

    def initial(self) -> dict[str, Any]:
        """As they are."""
        rules = self.collection.purposes
        return {
            f"{name}_{one}": "yes" if value is True else value or ""
            for name in NAMES
            for one, value in rules.get(name, {}).items()
        }

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would disappear and come back."""
        changed = purposes_preview(
            by=self.user, collection_id=self.collection_id, purposes=purposes_from(given)
        )
        return outcome(self.request, changed)

    def do(self, given: dict[str, Any]) -> str:
        """Sets them."""
        collection_update(
            by=self.user, collection_id=self.collection_id, purposes=purposes_from(given)
        )
        return "The purposes are set."

    def back(self) -> str:
        """The collection's page."""
        return reverse("admin:retrieval_collection_change", args=[self.collection_id])
