"""What needs somebody, in a sentence each, with the page where it is dealt with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils import timezone
from django.utils.timesince import timesince

from audit.erasure_models import ErasureRequest
from audit.models import LedgerEntry, LedgerPending
from retrieval.admin.console.layout import Tone
from retrieval.admin.console.links import list_of, page_of, size_in_words
from retrieval.review_models import Review
from retrieval.selectors import overview, storage
from retrieval.selectors.overview import Snapshot

# An event is chained within about a second.
_CHAIN_BEHIND: Final = timedelta(minutes=1)
_REVIEW_OLD: Final = timedelta(days=7)


@dataclass(frozen=True)
class Warned:
    """``kind`` is the short word of it."""

    kind: str
    text: str
    href: str = ""
    tone: Tone = "warn"


def warnings_of(seen: Snapshot) -> list[Warned]:
    """What this visitor should look at, the worst first."""
    found = [
        *_of_the_machine(seen),
        *_of_the_ledger(seen),
        *_of_people(seen),
        *_of_purging(seen),
    ]
    return sorted(found, key=lambda one: one.tone != "bad")


def _of_the_machine(seen: Snapshot) -> Iterator[Warned]:
    if not seen.reach.operates:
        return
    room = storage.disk()
    if room.little:
        free = size_in_words(room.free_bytes)
        yield Warned("disk", f"Only {free} are free for data.", page_of("console_storage"), "bad")
    alarm = overview.clock_alarm()
    if alarm:
        text = f"The clock was not plausible ({alarm}); nothing is purged until it is."
        yield Warned("clock", text, page_of("console_calendar"), "bad")


def _of_the_ledger(seen: Snapshot) -> Iterator[Warned]:
    if not seen.reach.operates:
        return
    state = seen.ledger
    now = timezone.now()
    if state.pending_since and now - state.pending_since > _CHAIN_BEHIND:
        text = f"{state.pending:,} events wait to be chained, for {timesince(state.pending_since)}."
        yield Warned("ledger", text, list_of(LedgerPending), "bad")
    page = page_of("console_ledger") or list_of(LedgerEntry)
    for sink in state.unreached:
        waits = f" for {timesince(sink.oldest)}" if sink.oldest else ""
        yield Warned("witness", f"Checkpoints have not reached {sink.name}{waits}.", page, "bad")
    if state.witness.overdue:
        yield Warned("checkpoint", "A checkpoint of the ledger is overdue.", page, "bad")
    if state.witness.unfinished_rotation:
        text = "A change of the signing key was begun and not finished."
        yield Warned("key", text, page, "bad")


def _of_people(seen: Snapshot) -> Iterator[Warned]:
    erasures = seen.erasures
    for state, tone, said in (
        ("failed", "bad", "could not be done"),
        ("awaiting_approval", "warn", "wait for a second person"),
        ("held", "info", "are held"),
    ):
        if erasures[state]:
            text = f"{erasures[state]} requests for erasure {said}."
            yield Warned("erasure", text, list_of(ErasureRequest, state__exact=state), tone)  # type: ignore[arg-type] # one of the tones
    queue = seen.queue
    if queue.since and timezone.now() - queue.since > _REVIEW_OLD:
        text = f"{queue.waiting} reviews wait, the first for {timesince(queue.since)}."
        yield Warned("review", text, list_of(Review))


def _of_purging(seen: Snapshot) -> Iterator[Warned]:
    for pause in seen.pauses:
        where = "on the whole appliance" if pause.collection is None else "in a collection"
        until = f"{timezone.localtime(pause.until):%Y-%m-%d %H:%M}"
        text = f"Retention is paused {where} until {until}."
        yield Warned("pause", text, page_of("console_calendar"), "info")
