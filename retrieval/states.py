"""The states an asset can be in and the steps between them. Pure: no Django, no I/O."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an asset stands. Every asset comes to rest in one of ``RESTING``, with a reason."""

    RECEIVED = "received"
    REDACTING = "redacting"
    VERIFYING = "verifying"
    EMBEDDING = "embedding"
    SEARCHABLE = "searchable"
    WITHHELD = "withheld"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    PURGED = "purged"
    ERASED = "erased"


class RawState(StrEnum):
    """What became of the original bytes."""

    KEPT = "kept"
    PURGED = "purged"


IN_PROGRESS = frozenset({State.RECEIVED, State.REDACTING, State.VERIFYING, State.EMBEDDING})
RESTING = frozenset(State) - IN_PROGRESS

# Where an asset may go from each state. Anything may be erased; what is erased or rejected never
# returns.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.RECEIVED: frozenset(
        {State.REDACTING, State.WITHHELD, State.QUARANTINED, State.REJECTED, State.ERASED}
    ),
    State.REDACTING: frozenset(
        {State.VERIFYING, State.WITHHELD, State.QUARANTINED, State.REJECTED, State.ERASED}
    ),
    State.VERIFYING: frozenset(
        {State.EMBEDDING, State.WITHHELD, State.QUARANTINED, State.REJECTED, State.ERASED}
    ),
    State.EMBEDDING: frozenset(
        {State.SEARCHABLE, State.WITHHELD, State.QUARANTINED, State.REJECTED, State.ERASED}
    ),
    # A steward's review takes more out of what is searchable (verifying) or rejects it.
    State.SEARCHABLE: frozenset(
        {
            State.RECEIVED,
            State.VERIFYING,
            State.EMBEDDING,
            State.WITHHELD,
            State.REJECTED,
            State.PURGED,
            State.ERASED,
        }
    ),
    State.WITHHELD: frozenset(
        {State.RECEIVED, State.VERIFYING, State.EMBEDDING, State.PURGED, State.ERASED}
    ),
    State.QUARANTINED: frozenset(
        {
            State.RECEIVED,
            State.VERIFYING,
            State.EMBEDDING,
            State.REJECTED,
            State.WITHHELD,
            State.PURGED,
            State.ERASED,
        }
    ),
    State.REJECTED: frozenset({State.ERASED}),
    State.PURGED: frozenset({State.ERASED}),
    State.ERASED: frozenset(),
}

# The stage that works on an asset in each state, and the state a claim of that stage moves it to.
STAGE_OF: dict[State, str] = {
    State.RECEIVED: "redact",
    State.REDACTING: "redact",
    State.VERIFYING: "verify",
    State.EMBEDDING: "embed",
}


def may_move(*, old: State, new: State) -> bool:
    """Whether an asset may go from ``old`` to ``new``."""
    return new in TRANSITIONS[old]
