"""The console's page on what the appliance is at, and its page on storage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.utils import timezone

from audit.erasure_models import ErasureRequest
from retrieval.admin.console.layout import Button, Card, Cell, Figure, Table, Tone
from retrieval.admin.console.links import list_of, page_of, size_in_words
from retrieval.admin.console.pages import ConsolePage, console_page
from retrieval.models import Asset
from retrieval.selectors import holdings as held
from retrieval.selectors import jobs, storage
from retrieval.selectors.reach import Reach, names_of, reach_of

_TONES: Final[dict[str, Tone]] = {
    "running": "info",
    "moving": "info",
    "indexing": "info",
    "leaving": "info",
    "queued": "info",
    "done": "good",
    "ready": "good",
    "failed": "bad",
    "rejected": "bad",
    "refused": "bad",
    "held": "warn",
    "quarantined": "warn",
    "paused": "warn",
}


class _OfCollections(ConsolePage):
    """A page that names collections."""

    wide = True

    def load(self) -> None:
        """Whose numbers, and their collections' names."""
        self.reach: Reach = reach_of(self.user)
        self.names = names_of(self.reach)

    def named(self, collection_id: UUID | None) -> str:
        """The collection's name; its id where it is gone; nothing where there is none."""
        return self.names.get(collection_id, str(collection_id)) if collection_id else ""


@console_page("jobs/", "console_jobs")
class Jobs(_OfCollections):
    """What is under way, and what did not go well."""

    title = "Jobs"
    lead = "What the appliance is at, as the database has it. Each list shows the latest twenty."

    def cards(self) -> Sequence[Card]:
        """Ingestion first, since it is what people wait for."""
        shown = [
            self._ingestion(),
            self._put_aside(),
            self._reredactions(),
            self._erasures(),
            self._purges(),
            self._evaluations(),
            self._indexes(),
        ]
        return [*shown, self._reembeddings()] if self.reach.operates else shown

    def _ingestion(self) -> Card:
        rows = [
            [
                self.named(one.collection),
                _state(one.state),
                Cell(
                    one.assets,
                    list_of(Asset, collection__id__exact=one.collection, state__exact=one.state),
                    number=True,
                ),
                one.since,
                one.attempts,
            ]
            for one in jobs.ingestion(self.reach)
        ]
        head = ["Collection", "Stage", "Assets", "The oldest since", "Most attempts"]
        return _listed("Ingestion", head, rows, "Nothing is on its way.")

    def _put_aside(self) -> Card:
        rows = [
            [
                self.named(one.collection),
                _state(one.state),
                one.reason,
                Cell(
                    one.assets,
                    list_of(Asset, state__exact=one.state, reason__exact=one.reason),
                    number=True,
                ),
                one.latest,
            ]
            for one in jobs.put_aside(self.reach)
        ]
        head = ["Collection", "State", "Reason", "Assets", "Latest"]
        return _listed("Did not get through, last 7 days", head, rows, "Everything got through.")

    def _reredactions(self) -> Card:
        rows = [
            [
                self.named(one.collection_id),
                one.profile_version,
                _state(one.state),
                f"{one.begun:,} of {one.total:,}",
                one.started_at,
                one.finished_at,
            ]
            for one in jobs.reredactions(self.reach)
        ]
        head = ["Collection", "Profile", "State", "Sent back", "Begun", "Finished"]
        return _listed("Redacting anew", head, rows, "No collection has been redacted anew.")

    def _erasures(self) -> Card:
        rows = [
            [
                Cell(str(one.pk)[:8], page_of("audit_erasurerequest_change", one.pk)),
                _state(one.state),
                one.reason,
                one.requested_at,
                one.attempts,
            ]
            for one in jobs.erasures(self.reach)
        ]
        head = ["Request", "State", "Reason", "Requested", "Attempts"]
        return _listed("Erasures", head, rows, "No erasure is under way.", list_of(ErasureRequest))

    def _purges(self) -> Card:
        rows = [
            [
                one.run.started_at,
                _state(one.run.state),
                one.run.step,
                one.purged,
                one.held,
                one.failed,
                one.run.finished_at,
            ]
            for one in jobs.purges(self.reach)
        ]
        head = ["Begun", "State", "At", "Destroyed", "Left for a hold", "Failed", "Finished"]
        return _listed("Purges", head, rows, "Nothing has been purged yet.")

    def _evaluations(self) -> Card:
        rows = [
            [
                Cell(one.model, page_of("retrieval_evaluationrun_change", one.pk)),
                one.dataset if one.collection_id is None else self.named(one.collection_id),
                one.kind,
                one.created_at,
            ]
            for one in jobs.evaluations(self.reach)
        ]
        head = ["Model", "On", "Kind", "Made"]
        return _listed("Evaluations", head, rows, "Nothing has been evaluated yet.")

    def _indexes(self) -> Card:
        rows = [
            [
                self.named(one.collection_id),
                _state(one.state),
                one.index,
                one.rows,
                one.reason,
                one.changed_at,
            ]
            for one in jobs.indexes(self.reach)
        ]
        head = ["Collection", "State", "Index", "Vectors", "Problem", "Changed"]
        nothing = "No collection is large enough for an index of its own; all are compared exactly."
        return _listed("Indexes", head, rows, nothing)

    def _reembeddings(self) -> Card:
        rows = [
            [
                one.model_version.ref,
                _state(one.state),
                f"{min(one.done, one.total):,} of {one.total:,}",
                f"{one.rate:.1f} a second",
                one.reason,
                one.started_at,
                one.finished_at,
            ]
            for one in jobs.reembeddings(self.reach)
        ]
        head = ["Model", "State", "Segments", "Pace", "Problem", "Begun", "Finished"]
        return _listed("Re-embedding", head, rows, "Nothing has been embedded anew.")


@console_page("storage/", "console_storage")
class Storage(_OfCollections):
    """How much room things take."""

    title = "Storage"
    lead = "Tables with their indexes, and the folders beside the database."

    def cards(self) -> Sequence[Card]:
        """The machine for who operates it, collections for who governs them."""
        shown = [self._machine(), self._tables(), self._folders()] if self.reach.operates else []
        return [*shown, self._collections()]

    def _machine(self) -> Card:
        room = storage.disk()
        free = Figure(
            "Free",
            size_in_words(room.free_bytes),
            note=f"of {size_in_words(room.total_bytes)}",
            tone="bad" if room.little else "good",
        )
        database = Figure("Database", size_in_words(storage.database_bytes()))
        return Card("The disk that data lies on", figures=[free, database])

    def _tables(self) -> Card:
        rows = [[what, Cell(size_in_words(size), number=True)] for what, size in storage.tables()]
        table = Table(["Tables", "Size"], rows, caption="Tables of the database")
        return Card("Database", table=table, wide=False)

    def _folders(self) -> Card:
        found, at = storage.folders()
        rows = [
            [
                one.what,
                Cell(_at_least(f"{one.files:,}", one.complete), number=True),
                Cell(size_in_words(one.size_bytes), number=True),
            ]
            for one in found
        ]
        text = f"Counted {timezone.localtime(at):%H:%M:%S}."
        table = Table(["Folder", "Files", "Size"], rows, caption="Folders")
        return Card("Beside the database", text=text, table=table, wide=False)

    def _collections(self) -> Card:
        counted = held.holdings(self.reach).by_collection()
        ranked = sorted(counted, key=lambda pk: -counted[pk]["bytes"])[:100]
        rows = [
            [
                Cell(self.named(pk), page_of("retrieval_collection_change", pk)),
                counted[pk]["assets"],
                Cell(size_in_words(counted[pk]["bytes"]), number=True),
            ]
            for pk in ranked
        ]
        table = Table(
            ["Collection", "Assets", "As it was taken in"],
            rows,
            caption="Collections",
            empty="No collection holds anything yet.",
        )
        text = "Bytes of what was uploaded, before redaction and before retention took originals."
        return Card("Collections", text=text, table=table)


def _listed(
    title: str, head: Sequence[str], rows: Iterable[Sequence[object]], empty: str, href: str = ""
) -> Card:
    table = Table(head, list(rows), caption=title, empty=empty)
    return Card(title, table=table, buttons=[Button("All of them", href)] if href else [])


def _state(state: str) -> Cell:
    return Cell(state.replace("_", " "), tone=_TONES.get(state, "info"))


def _at_least(count: str, complete: bool) -> str:  # noqa: FBT001 - the one thing it says
    return count if complete else f"more than {count}"
