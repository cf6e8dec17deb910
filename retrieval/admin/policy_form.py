"""The form of a retention policy: a name, and a row of choices for each rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from audit.retention_rules import (
    MODALITIES,
    MOST_DAYS,
    STATES,
    WHAT,
    RetentionRuleError,
    rules_parse,
)

SAID: Final[Mapping[str, str]] = {
    "raw": "originals",
    "rendition": "whole assets",
    "vectors": "vectors",
    "transcript": "transcripts",
    "thumbnail": "thumbnails",
    "query": "what was asked",
    "feedback": "votes on hits",
    "evaluation": "evaluations",
    "ledger": "names in the ledger",
}
_MORE: Final[Mapping[str, str]] = {
    "rendition": "whole assets: all but a row that says so",
    "vectors": "vectors: found by words only afterwards",
}
_PARTS: Final = ("what", "modality", "state", "days")
_SPARE: Final = 4
_LEAST: Final = 8


@dataclass(frozen=True)
class Row:
    """One rule's bound fields."""

    number: int
    what: Any
    modality: Any
    state: Any
    days: Any


class PolicyForm(forms.Form):
    """Rows without a choice in the first column are no rules."""

    name = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())

    def __init__(
        self,
        *args: Any,
        name: str = "",
        rules: Sequence[Mapping[str, Any]] = (),
        **kwargs: Any,
    ) -> None:
        """``name`` and ``rules`` as they are now."""
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = name
        self._rows = max(_LEAST, len(rules) + _SPARE)
        for number in range(self._rows):
            self._add(number, rules[number] if number < len(rules) else {})

    @property
    def rows(self) -> Iterator[Row]:
        """A row for each rule, and some to spare."""
        for number in range(self._rows):
            bound = [self[f"rule{number}_{part}"] for part in _PARTS]
            yield Row(number + 1, *bound)

    def clean(self) -> dict[str, Any]:
        """With ``rules`` as the services take them."""
        cleaned = super().clean() or {}
        rules = []
        for number in range(self._rows):
            given = {part: cleaned.get(f"rule{number}_{part}") for part in _PARTS}
            if not given["what"]:
                continue
            if given["days"] is None:
                self.add_error(f"rule{number}_days", "After how many days?")
                continue
            rule = {"what": given["what"], "after_days": given["days"]}
            rule |= {part: given[part] for part in ("modality", "state") if given[part]}
            rules.append(rule)
        if not self.errors:
            try:
                cleaned["rules"] = [one.as_json() for one in rules_parse(rules)]
            except RetentionRuleError as error:
                for text in error.fields["rules"]:
                    self.add_error(None, text)
        return cleaned

    def _add(self, number: int, rule: Mapping[str, Any]) -> None:
        said = f"Rule {number + 1}"
        whats = [("", "-"), *((one, _MORE.get(one, SAID[one])) for one in WHAT)]
        fields = {
            "what": _choice(f"{said}: what goes", whats),
            "modality": _choice(f"{said}: of", [("", "everything"), *_plain(MODALITIES)]),
            "state": _choice(f"{said}: while", [("", "in any state"), *_plain(STATES)]),
            "days": forms.IntegerField(
                label=f"{said}: after days",
                required=False,
                min_value=0,
                max_value=MOST_DAYS,
                widget=UnfoldAdminIntegerFieldWidget(),
            ),
        }
        values = {**rule, "days": rule.get("after_days")}
        for part, field in fields.items():
            field.initial = values.get(part)
            field.widget.attrs["aria-label"] = str(field.label)
            self.fields[f"rule{number}_{part}"] = field


def rule_said(rule: Mapping[str, Any]) -> str:
    """A rule in words: ``originals of audio after 30 days``."""
    of = f" of {rule['modality']}" if rule.get("modality") else ""
    within = f" while {rule['state']}" if rule.get("state") else ""
    days = rule["after_days"]
    when = "at once" if days == 0 else f"after {days:,} day{'' if days == 1 else 's'}"
    return f"{SAID.get(rule['what'], rule['what'])}{of}{within} {when}"


def _plain(values: Sequence[str]) -> list[tuple[str, str]]:
    return [(one, one) for one in values]


def _choice(label: str, choices: Sequence[tuple[str, str]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, required=False, widget=UnfoldAdminSelectWidget()
    )
