"""The form of a profile's rules: a row for each group of kinds, then pictures, sounds and lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from retrieval.redaction.base import AudioPolicy, EntityRule, ImagePolicy, Profile
from retrieval.redaction.kinds import GROUPS, KindGroup
from retrieval.redaction.profile_schema import rules_to

_MIXED: Final = "mixed"
_OPERATORS: Final = (
    ("keep", "leave in"),
    ("replace", "replace by a number"),
    ("mask", "mask"),
    ("hash", "hash, the same throughout the collection"),
)
_FILL: Final = (("fill", "fill"), ("keep", "leave in"))
_SECTIONS: Final[dict[str, dict[str, tuple[str, Sequence[tuple[str, str]]]]]] = {
    "image": {
        "metadata": ("Metadata", (("strip", "strip"), ("keep", "leave in"))),
        "text": ("Personal data written in it", (("redact", "fill"), ("keep", "leave in"))),
        "faces": ("Faces", _FILL),
        "codes": ("QR and bar codes", _FILL),
        "face_threshold": ("Faces are filled from a score of", ()),
        "face_review": ("and put before a steward from", ()),
    },
    "audio": {
        "metadata": ("Metadata", (("strip", "strip"), ("keep", "leave in"))),
        "speech": (
            "Speech",
            (
                ("mute_speech", "mute all of it"),
                ("mute_pii", "mute personal data (needs a transcriber)"),
                ("keep", "leave in"),
            ),
        ),
        "without_transcriber": (
            "Where there is no transcriber",
            (("mute_speech", "mute all speech"), ("refuse", "quarantine")),
        ),
        "speech_threshold": ("Speech is muted from a score of", ()),
        "muted_as": ("What is muted becomes", (("silence", "silence"), ("tone", "a tone"))),
    },
}
_LISTS: Final = {
    "allow": "Never taken out, a line each",
    "deny": "Always taken out, a line each",
}


@dataclass(frozen=True)
class Row:
    """One group of kinds as the page shows it."""

    group: KindGroup
    operator: Any  # bound fields
    threshold: Any
    review: Any


class ProfileForm(forms.Form):
    """The rules of ``source``, to be changed. An empty score leaves each kind's own as it was."""

    def __init__(self, *args: Any, source: Profile, named: bool, **kwargs: Any) -> None:
        """``named``: it is a new profile, which needs a name."""
        super().__init__(*args, **kwargs)
        self._source = source
        if named:
            self.fields["name"] = _text("Name", "Small letters, digits and dashes.")
        for group in GROUPS:
            self._add_group(group)
        for section, policy in (("image", source.image), ("audio", source.audio)):
            for name, (label, choices) in _SECTIONS[section].items():
                value = getattr(policy, name)
                field = _choice(label, choices) if choices else _score(label)
                field.initial = value
                self.fields[f"{section}_{name}"] = field
        self.fields["languages"] = _text(
            "Languages let through although names are not reliably found in them",
            "ISO 639-1, with commas; * is every one.",
            initial=", ".join(source.languages),
        )
        self.fields["passes"] = _text(
            "Modalities let through although nothing can be looked for in them",
            "With commas; * is every one.",
            initial=", ".join(sorted(source.passes)),
        )
        for name, label in _LISTS.items():
            self.fields[name] = forms.CharField(
                label=label,
                required=False,
                initial="\n".join(getattr(source, name)),
                widget=UnfoldAdminTextareaWidget({"rows": 4}),
            )

    @property
    def rows(self) -> Iterator[Row]:
        """Groups of kinds with their fields."""
        for group in GROUPS:
            yield Row(group, *(self[f"{group.name}_{part}"] for part in _PARTS))

    def section(self, name: str) -> list[Any]:
        """The fields of ``image`` or ``audio``."""
        return [self[f"{name}_{field}"] for field in _SECTIONS[name]]

    @property
    def image_fields(self) -> list[Any]:
        """What happens to pictures."""
        return self.section("image")

    @property
    def audio_fields(self) -> list[Any]:
        """What happens to sounds."""
        return self.section("audio")

    @property
    def list_fields(self) -> list[Any]:
        """Languages, modalities and words."""
        return [self[name] for name in ("languages", "passes", *_LISTS)]

    def rules(self) -> dict[str, Any]:
        """The rules as they were filled in; of a valid form, and still to be checked."""
        given = self.cleaned_data
        entities = dict(rules_to(self._source)["entities"])
        for group in GROUPS:
            operator, threshold, review = (given[f"{group.name}_{part}"] for part in _PARTS)
            for kind in group.kinds:
                rule = _rule(entities.get(kind), operator, threshold, review)
                if rule is None:
                    entities.pop(kind, None)
                else:
                    entities[kind] = rule
        return {
            "entities": entities,
            "image": _policy("image", given, ImagePolicy()),
            "audio": _policy("audio", given, AudioPolicy()),
            "languages": _split(given["languages"], ","),
            "passes": _split(given["passes"], ","),
            "allow": _split(given["allow"], "\n"),
            "deny": _split(given["deny"], "\n"),
        }

    def _add_group(self, group: KindGroup) -> None:
        rules = [self._source.entities.get(kind, _LEFT_IN) for kind in group.kinds]
        operators = {rule.operator for rule in rules}
        choices = list(_OPERATORS)
        if len(operators) > 1:
            choices.insert(0, (_MIXED, "each kind as it was"))
        operator = _choice("", choices)
        operator.initial = operators.pop() if len(operators) == 1 else _MIXED
        self.fields[f"{group.name}_operator"] = operator
        active = {(rule.threshold, rule.review) for rule in rules if rule.operator != "keep"}
        threshold, review = active.pop() if len(active) == 1 else (None, None)
        for part, value in (("threshold", threshold), ("review", review)):
            field = _score("")
            field.initial = value
            # The table's heads say it to eyes only.
            field.widget.attrs["aria-label"] = f"{group.label}: {_SAID[part]}"
            self.fields[f"{group.name}_{part}"] = field


_PARTS: Final = ("operator", "threshold", "review")
_SAID: Final = {"threshold": "from a score of", "review": "reviewed from a score of"}
_LEFT_IN: Final = EntityRule(threshold=1.0, operator="keep")
_USUAL: Final = 0.4


def _rule(
    before: dict[str, Any] | None, operator: str, threshold: float | None, review: float | None
) -> dict[str, Any] | None:
    """The rule of one kind; None: it is left in."""
    if operator == _MIXED:
        operator = before["operator"] if before else "keep"
    if operator == "keep":
        return None
    known = before if before and before["operator"] != "keep" else {}
    if threshold is None:
        return {"threshold": _USUAL, "review": None, **known, "operator": operator}
    return {"threshold": threshold, "operator": operator, "review": review}


def _policy(section: str, given: dict[str, Any], default: Any) -> dict[str, Any]:
    values = {name: given[f"{section}_{name}"] for name in _SECTIONS[section]}
    return {
        name: getattr(default, name) if value is None else value for name, value in values.items()
    }


def _split(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _choice(label: str, choices: Sequence[tuple[str, str]]) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, widget=UnfoldAdminSelectWidget)


def _score(label: str) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        required=False,
        min_value=0.01,
        max_value=1,
        widget=UnfoldAdminDecimalFieldWidget({"step": "0.01"}),
    )


def _text(label: str, help_text: str, *, initial: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=label == "Name",
        help_text=help_text,
        initial=initial,
        widget=UnfoldAdminTextInputWidget,
    )
