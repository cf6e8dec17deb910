"""Rules of retention: what they may say, and which of them counts. Pure: no database.

A rule names what is destroyed and after how many days; it may be for one modality, and for one
state. The most particular rule counts: one for the state and the modality, then one for the state,
then one for the modality, then one for all. Days are counted from when the asset was received; for
an asset that was put aside (quarantined, rejected, withheld) a rule for that state counts from when
it was. A day is 24 hours: no clock is put forward or back in UTC. Zero days is "as soon as it
rests".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit.errors import AuditError

# What a period may be set for. ``rendition`` is the end of the asset: all of it goes, but a row
# that says so. ``vectors``: it is found by its words alone. ``transcript``: words heard in a sound
# or read in a picture. ``ledger``: the keys under which the ledger's confidential payloads and the
# names of its actors lie; nothing in the ledger itself is ever removed.
ASSET_PARTS = ("raw", "rendition", "vectors", "transcript", "thumbnail")
WHAT = (*ASSET_PARTS, "query", "feedback", "evaluation", "ledger")
MODALITIES = ("text", "image", "audio", "video", "depth", "thermal", "imu")
# Those in which an asset rests and has something that could be destroyed.
STATES = ("searchable", "withheld", "quarantined", "rejected")
PUT_ASIDE = frozenset({"withheld", "quarantined", "rejected"})
MOST_DAYS = 36500
LEAST_LEDGER_DAYS = 30  # so that nobody acts without a name

_MEMBERS = frozenset({"what", "after_days", "modality", "state"})
# Where a part is still there at all. Of what was rejected only the original is.
_STATES_OF = {
    "raw": STATES,
    "rendition": ("searchable", "withheld", "quarantined"),
    "vectors": ("searchable", "withheld"),
    "transcript": ("searchable", "withheld", "quarantined"),
    "thumbnail": ("searchable", "withheld", "quarantined"),
}


class RetentionRuleError(AuditError):
    """A policy that cannot be meant so; ``fields`` says where."""

    status = 400


@dataclass(frozen=True)
class Rule:
    """``what`` is destroyed ``after_days``; for all modalities and states where those are empty."""

    what: str
    after_days: int
    modality: str = ""
    state: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form in which rules are stored and shown."""
        named = {"modality": self.modality} if self.modality else {}
        within = {"state": self.state} if self.state else {}
        return {"what": self.what, **named, **within, "after_days": self.after_days}


@dataclass(frozen=True)
class Period:
    """How long a part is kept of assets of these modalities in these states.

    ``since_state``: counted from when the asset came into its state, not from its receipt. The
    modality ``""`` is one that is not known yet.
    """

    modalities: tuple[str, ...]
    states: tuple[str, ...]
    days: int
    since_state: bool


def rules_parse(rules: object) -> list[Rule]:
    """The rules, checked.

    Raises:
        RetentionRuleError: not a list of rules, or two rules for the same thing.
    """
    if not isinstance(rules, list):
        raise _wrong(["Rules are a list."])
    parsed: list[Rule] = []
    problems: list[str] = []
    for number, rule in enumerate(rules, start=1):
        found = _shape_problem(rule) or _sense_problem(rule)
        if found:
            problems.append(f"Rule {number}: {found}")
            continue
        one = Rule(
            rule["what"], rule["after_days"], rule.get("modality") or "", rule.get("state") or ""
        )
        about = (one.what, one.modality, one.state)
        if any(about == (r.what, r.modality, r.state) for r in parsed):
            problems.append(f"Rule {number}: another rule says when this is destroyed.")
        parsed.append(one)
    if problems:
        raise _wrong(problems)
    return parsed


def after_days(
    rules: Iterable[dict[str, Any]], *, what: str, modality: str, state: str = ""
) -> int | None:
    """Days until ``what`` is destroyed, None if it is kept.

    The most particular rule counts. While the modality is not known (``""``), the earliest of all
    that are for the state, or else for any.
    """
    found = [r for r in rules if r["what"] == what]
    for wanted in dict.fromkeys((state, "")):
        of_state = [r for r in found if (r.get("state") or "") == wanted]
        if not modality and of_state:
            return min(int(r["after_days"]) for r in of_state)
        for kind in (modality, ""):
            for rule in of_state:
                if (rule.get("modality") or "") == kind:
                    return int(rule["after_days"])
    return None


def has_state_rule(
    rules: Iterable[dict[str, Any]], *, what: str, modality: str, state: str
) -> bool:
    """Whether the rule that counts is one for ``state``: days are then counted from that state."""
    return any(
        r["what"] == what
        and (r.get("state") or "") == state
        and (not modality or (r.get("modality") or "") in ("", modality))
        for r in rules
    )


def periods_of(rules: Iterable[dict[str, Any]], *, what: str) -> list[Period]:
    """The periods of a part of an asset by modality and state; what has none is kept.

    Raises:
        KeyError: ``what`` is no part of an asset.
    """
    rules = list(rules)
    by_states: dict[tuple[str, int, bool], list[str]] = {}
    for modality in ("", *MODALITIES):
        for state in _STATES_OF[what]:
            days = after_days(rules, what=what, modality=modality, state=state)
            if days is not None:
                since = state in PUT_ASIDE and has_state_rule(
                    rules, what=what, modality=modality, state=state
                )
                by_states.setdefault((modality, days, since), []).append(state)
    by_modality: dict[tuple[tuple[str, ...], int, bool], list[str]] = {}
    for (modality, days, since), states in by_states.items():
        by_modality.setdefault((tuple(states), days, since), []).append(modality)
    return [
        Period(tuple(modalities), states, days, since)
        for (states, days, since), modalities in by_modality.items()
    ]


def _shape_problem(rule: object) -> str | None:
    members = "a rule has the members what, after_days and perhaps modality and state"
    if not isinstance(rule, dict):
        return f"{members}."
    if set(rule) - _MEMBERS or not {"what", "after_days"} <= set(rule):
        return f"{members}, and no others."
    if rule["what"] not in WHAT:
        return f"what is one of {', '.join(WHAT)}."
    for name, known in (("modality", MODALITIES), ("state", STATES)):
        if (rule.get(name) or "") not in ("", *known):
            return f"{name} is one of {', '.join(known)}, or left out for all."
    days = rule["after_days"]
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        return f"after_days is a whole number from 0 (at once) to {MOST_DAYS}."
    return None


def _sense_problem(rule: dict[str, Any]) -> str | None:
    what, state, modality = rule["what"], rule.get("state") or "", rule.get("modality") or ""
    if state and state not in _STATES_OF.get(what, ()):
        known = _STATES_OF.get(what)
        return (
            f"for {what}, state is one of {', '.join(known)}, or left out."
            if known
            else f"{what} belongs to no asset's state; leave state out."
        )
    if what == "transcript" and modality == "text":
        return "a text has no transcript; its words are its rendition."
    if what == "ledger" and modality:
        return "the ledger's keys belong to people, not to a modality; leave modality out."
    if what == "ledger" and rule["after_days"] < LEAST_LEDGER_DAYS:
        return f"keys of the ledger are kept for at least {LEAST_LEDGER_DAYS} days."
    return None


def _wrong(problems: list[str]) -> RetentionRuleError:
    return RetentionRuleError("The rules cannot be used.", fields={"rules": problems})
