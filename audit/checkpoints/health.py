"""How the ledger's witnesses stand: for doctor, metrics and the console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from audit import signing
from audit.checkpoint_models import Checkpoint
from audit.checkpoints.delivery import SinkHealth, sinks_health
from audit.checkpoints.sinks import SinkError, configured
from audit.checkpoints.taking import checkpoint_due
from audit.models import LedgerEntry

_GRACE = timedelta(minutes=10)  # beat looks each minute; a restart takes a few


@dataclass(frozen=True)
class WitnessState:
    """The last checkpoint and the sinks. ``overdue``: one was due some time ago and was not signed.

    ``uncovered`` is how many entries came after the last one.
    """

    last: Checkpoint | None
    uncovered: int
    overdue: bool
    unfinished_rotation: bool
    sinks: list[SinkHealth]

    @property
    def alarm(self) -> bool:
        """Whether somebody should look."""
        return self.overdue or self.unfinished_rotation or any(one.alarm for one in self.sinks)


def witness_state() -> WitnessState:
    """How things stand now. Six queries; reads the names in the key store."""
    last = Checkpoint.objects.first()
    head = LedgerEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    now = timezone.now()
    overdue = checkpoint_due(now=now - _GRACE)
    if overdue and last is not None and last.tree_size <= head:
        # Many entries at once make one due at once, and no time has passed then.
        minutes = settings.VITRINE_CHECKPOINT_MINUTES
        overdue = now - last.signed_at > min(timedelta(minutes=minutes), _GRACE)
    elif overdue and last is None:
        first = LedgerEntry.objects.order_by("seq").values_list("at", flat=True).first()
        overdue = first is not None and now - first > _GRACE
    return WitnessState(
        last=last,
        uncovered=max(0, head - (last.tree_size if last else 0)),
        overdue=overdue,
        unfinished_rotation=len(signing.living_names()) > 1,
        sinks=sinks_health(now=now),
    )


def sink_probe(name: str) -> str:
    """Why the sink of this name could not be sent to now; empty where it could. Connects to it."""
    try:
        configured()[name].probe()
    except SinkError as error:
        return str(error)
    return ""
