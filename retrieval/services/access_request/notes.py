"""What a receipt of erasure says of archives: none is kept here; what was handed over is out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from audit.models import LedgerEntry
from retrieval.erasure_stores import Note, register_notes
from retrieval.services.access_request.archive import EVENT


def archive_notes_register() -> None:
    """Registers them. At start-up."""
    register_notes("access archives", _handed_over)


def _handed_over(_assets: Sequence[UUID], subjects: Sequence[UUID]) -> Iterator[Note]:
    named = [str(one) for one in subjects]
    given = LedgerEntry.objects.filter(event=EVENT, refs__subject__in=named).count()
    if given:
        yield Note(
            kind="not_reached",
            what="archives that answered requests for access",
            why=f"{given} were made and handed over; this appliance keeps none of them",
        )
