"""What is open: configured so that somebody should look at it, or not configured at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from audit import second_person
from audit.clock import clock_alarm
from audit.erasure_models import ErasureRequest
from audit.hold_models import RetentionPause
from retrieval.models import Asset
from retrieval.review_models import Review
from retrieval.services.processing.facts import CollectionFacts, Facts
from retrieval.services.processing.measures import Measure
from retrieval.states import RawState, State

Weight = Literal["high", "medium", "low"]
_TWO = 2
# What somebody else is needed for is asked of governors where no steward can do it.
_MEASURE_WEIGHT: dict[str, Weight] = {
    "master key apart from the data": "high",
    "encryption in transit": "medium",
    "checkpoints of the ledger kept elsewhere": "medium",
    "backups": "medium",
}


@dataclass(frozen=True)
class Finding:
    """One thing to look at: a code for machines, a sentence for people, and what it is about."""

    code: str
    weight: Weight
    says: str
    collection: str = ""


def findings_open(facts: Facts, measures: list[Measure]) -> list[Finding]:
    """Everything that is open, the heaviest first. Inside ``retrieval.scope.system``."""
    found = [one for each in facts.collections for one in _of_collection(each)]
    found += [*_second_persons(facts), *_unfinished(), *_of_measures(measures)]
    order = ("high", "medium", "low")
    return sorted(found, key=lambda one: (order.index(one.weight), one.code, one.collection))


def _of_collection(one: CollectionFacts) -> Iterator[Finding]:
    if one.without_basis:
        what = ", ".join(one.without_basis).replace("_", " ")
        yield Finding("no-legal-basis", "high", f"No legal basis is named for: {what}.", one.name)
    for problem in one.problems:
        yield Finding("special-categories", "high", problem, one.name)
    if one.weaker:
        says = (
            f"Its redaction profile “{one.profile}” lets through what the standard one takes out."
        )
        yield Finding("weak-profile", "high", says, one.name)
    if one.originals:
        says = f"{one.originals} people may see originals, with a reason each time."
        yield Finding("raw-grants", "medium", says, one.name)
    if one.policy is None:
        yield Finding("no-retention", "high", "No retention policy: nothing is ever due.", one.name)
    elif not any(rule["what"] in {"raw", "everything"} for rule in one.policy.rules):
        yield Finding("raw-kept", "medium", "Its policy never destroys originals.", one.name)
    if not one.people.get("steward"):
        yield Finding("no-steward", "medium", "Nobody governs it.", one.name)
    if missing := one.kept_back.get("consent-missing", 0):
        says = f"{missing} assets are withheld: nobody is linked, or no consent recorded."
        yield Finding("consent-missing", "low", says, one.name)


def _second_persons(facts: Facts) -> Iterator[Finding]:
    for act in second_person.ACTS:
        if not second_person.needed(act):
            says = f"One person alone may do this: {act.replace('_', ' ')}."
            yield Finding("no-second-person", "high", says)
    if facts.governors < _TWO:
        says = f"{facts.governors} active governor: what needs a second one cannot be done."
        yield Finding("too-few-governors", "high", says)


def _unfinished() -> Iterator[Finding]:
    waiting = ErasureRequest.objects.exclude(state__in=["done", "failed"]).count()
    if waiting:
        yield Finding("erasures-open", "medium", f"{waiting} requests for erasure are not done.")
    failed = ErasureRequest.objects.filter(state=ErasureRequest.State.FAILED).count()
    if failed:
        yield Finding("erasures-failed", "high", f"{failed} requests for erasure failed.")
    reviews = Review.objects.filter(state=Review.State.OPEN).count()
    if reviews:
        says = f"{reviews} redactions wait for somebody to look at them."
        yield Finding("reviews-open", "low", says)
    paused = RetentionPause.objects.filter(ended_at=None).count()
    if paused:
        yield Finding("retention-paused", "medium", f"Destruction is paused in {paused} places.")
    if clock_alarm() is not None:
        yield Finding("clock", "high", "The clock was found implausible; nothing is destroyed.")
    endless = Asset.objects.filter(raw_state=RawState.KEPT, raw_kept_until=None)
    number = endless.exclude(state=State.ERASED).count()
    if number:
        yield Finding("raw-endless", "medium", f"{number} originals have no date to go.")
    if settings.VITRINE_DEMO:
        says = "It runs as a demo: accounts with known passwords, one person may erase."
        yield Finding("demo", "high", says)


def _of_measures(measures: list[Measure]) -> Iterator[Finding]:
    for one in measures:
        weight = _MEASURE_WEIGHT.get(one.name)
        if weight and one.state != "in force":
            yield Finding("measure", weight, f"{one.name}: {one.state}. {one.detail}")
