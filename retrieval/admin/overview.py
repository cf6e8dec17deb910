"""The console's first page: what is held, on what ground, what waits, and whether all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.utils import timezone
from django.utils.timesince import timesince

from audit.checkpoint_models import Checkpoint
from audit.erasure_models import ErasureRequest
from audit.hold_models import LegalHold
from audit.models import LedgerEntry, SearchRecord
from retrieval import grounds
from retrieval.admin.console.charts import count_bars, days_line
from retrieval.admin.console.layout import Button, Card, Cell, Figure, Table, Tone
from retrieval.admin.console.links import list_of, page_of, size_in_words
from retrieval.admin.console.pages import ConsolePage
from retrieval.admin.plots import Chart
from retrieval.admin.warnings import warnings_of
from retrieval.models import Asset, Collection
from retrieval.review_models import Review
from retrieval.selectors import holdings as held
from retrieval.selectors import overview, storage
from retrieval.selectors.reach import Reach, names_of, reach_of

_MOST_COLLECTIONS: Final = 50
_GROUNDS: Final[dict[str, tuple[str, Tone]]] = {
    "not needed": ("No consent needed", ""),
    "valid": ("Permitted by everybody in it", "good"),
    grounds.MISSING: ("Consent missing", "warn"),
    grounds.EXPIRED: ("Consent expired", "warn"),
    grounds.WITHDRAWN: ("Consent withdrawn", "bad"),
    grounds.RESTRICTED: ("Processing restricted", "bad"),
    grounds.OBJECTED: ("Processing objected to", "bad"),
    grounds.SPECIAL: ("Special category without explicit consent", "warn"),
}
_STATE_TONES: Final[dict[str, Tone]] = {
    "searchable": "good",
    "quarantined": "warn",
    "withheld": "warn",
    "rejected": "bad",
}


class Overview(ConsolePage):
    """Numbers that lead to the lists behind them; each visitor's own collections only."""

    title = "Overview"
    wide = True
    template = "admin/console/page.html"

    def load(self) -> None:
        """Whose numbers, and their collections' names."""
        self.reach: Reach = reach_of(self.user)
        self.names = names_of(self.reach)
        self.seen = overview.Snapshot(self.reach)

    def cards(self) -> Sequence[Card]:
        """What needs somebody first, then what is held, then health."""
        shown = [self._warnings()]
        if self.reach.everything or self.reach.governed:
            shown += [
                self._holdings(),
                self._coverage(),
                self._findings(),
                self._waiting(),
                self._searches(),
            ]
        if self.reach.operates:
            shown += [self._ledger(), self._storage()]
        return [*shown, self._work()]

    def _warnings(self) -> Card:
        found = warnings_of(self.seen)
        rows = [[Cell(one.kind, tone=one.tone), Cell(one.text, href=one.href)] for one in found]
        if not rows:
            return Card("Needs somebody", empty="Nothing needs anybody right now.")
        table = Table(["What", "Why"], rows, caption="What needs somebody")
        return Card("Needs somebody", table=table)

    def _holdings(self) -> Card:
        what = held.holdings(self.reach)
        states = what.by("state")
        figures = [Figure("Assets", what.assets, list_of(Asset))] + [
            Figure(
                state.capitalize(), number, list_of(Asset, state__exact=state),
                tone=_STATE_TONES.get(state, ""),
            )
            for state, number in states.most_common()
        ]  # fmt: skip
        kinds = _items(what.by("modality"))
        modalities = count_bars(title="By modality", what="Assets", counts=kinds)
        return Card(
            "Holdings",
            text=f"Counted {timezone.localtime(what.at):%H:%M:%S}.",
            figures=figures,
            charts=[modalities, self._by_collection(what)] if what.assets else [],
            table=self._collections(what),
            buttons=[Button("All collections", list_of(Collection))],
        )

    def _by_collection(self, what: held.Holdings) -> Chart:
        counts = [
            (self.names.get(pk, str(pk)), of["assets"]) for pk, of in what.by_collection().items()
        ]
        return count_bars(title="By collection", what="Assets", counts=counts)

    def _collections(self, what: held.Holdings) -> Table:
        counted = what.by_collection()
        ranked = sorted(self.names, key=lambda pk: -counted.get(pk, Counter())["assets"])
        rows = []
        for pk in ranked[:_MOST_COLLECTIONS]:
            of = counted.get(pk, Counter())
            shown = [
                Cell(of[name], list_of(Asset, collection__id__exact=pk, state__exact=name),
                     number=True)
                for name in ("searchable", "withheld", "quarantined")
            ]  # fmt: skip
            link = page_of("retrieval_collection_change", pk)
            whole = Cell(of["assets"], list_of(Asset, collection__id__exact=pk), number=True)
            size = Cell(size_in_words(of["bytes"]), number=True)
            rows.append([Cell(self.names[pk], link), whole, *shown, size])
        return Table(
            ["Collection", "Assets", "Searchable", "Withheld", "Quarantined", "Taken in"],
            rows,
            caption=f"The largest {_MOST_COLLECTIONS} collections"
            if len(ranked) > _MOST_COLLECTIONS
            else "Collections",
            empty="There is no collection yet. Whoever may create one does so under Collections.",
        )

    def _coverage(self) -> Card:
        counted = held.coverage(held.holdings(self.reach), held.withheld(self.reach))
        figures = [
            Figure(
                label, counted[name], tone=tone if counted[name] else "",
                href=list_of(Asset, state__exact="withheld", reason__exact=name)
                if name in grounds.REASONS
                else "",
            )
            for name, (label, tone) in _GROUNDS.items()
            if counted[name] or name in {"not needed", "valid", grounds.MISSING}
        ]  # fmt: skip
        return Card(
            "On what ground",
            text="Assets that may be searched, and those withheld because somebody in them, or "
            "nobody, has said so.",
            figures=figures,
            wide=False,
        )

    def _findings(self) -> Card:
        found, at = held.findings(self.reach)
        kinds: Counter[str] = Counter()
        for one in found:
            kinds[one.kind] += one.found
        if not kinds:
            return Card("Taken out", empty="Redaction has found nothing yet.", wide=False)
        chart = count_bars(title="Findings by kind", what="Findings", counts=_items(kinds))
        text = (
            f"What redaction took out of what is held. Counted {timezone.localtime(at):%H:%M:%S}."
        )
        return Card("Taken out", text=text, charts=[chart], wide=False)

    def _waiting(self) -> Card:
        queue = self.seen.queue
        erasures = self.seen.erasures
        holds = self.seen.holds
        soon = overview.falling_due(self.reach)
        calendar = page_of("console_calendar")
        figures = [
            Figure(
                "Reviews waiting", queue.waiting, list_of(Review),
                note=f"the first for {timesince(queue.since)}" if queue.since else "",
                tone="warn" if queue.waiting else "",
            ),
            *(
                Figure(f"Falls due within {days.days} days", number, calendar)
                for days, number in zip(overview.SOON, soon, strict=True)
            ),
            Figure(
                "Holds in force", holds.total(), list_of(LegalHold, state__exact="active"),
                note=", ".join(f"{number} on {name}" for name, number in holds.items()),
            ),
            *(
                Figure(
                    f"Erasures {state.replace('_', ' ')}", number,
                    list_of(ErasureRequest, state__exact=state),
                    tone="bad" if state == "failed" else "",
                )
                for state, number in sorted(erasures.items())
            ),
        ]  # fmt: skip
        if not erasures:
            figures.append(Figure("Erasures", 0, list_of(ErasureRequest)))
        return Card("Waiting and coming", figures=figures)

    def _searches(self) -> Card:
        days = overview.searches_by_day(self.reach)
        asked = sum(day.searches for day in days)
        sure = sum(day.confident for day in days)
        figures = [Figure(f"Searches in {len(days)} days", asked, list_of(SearchRecord))]
        if asked:
            figures.append(Figure("With a confident match", f"{sure / asked:.0%}"))
        count = days_line(
            title="Searches a day", what="Searches", days=[(one.day, one.searches) for one in days]
        )
        share = days_line(
            title="Share with a confident match",
            what="Share",
            share=True,
            days=[(one.day, one.confident / one.searches) for one in days if one.searches],
        )
        return Card("Searches", figures=figures, charts=[count, share] if asked else [count])

    def _ledger(self) -> Card:
        state = self.seen.ledger
        last, sinks = state.witness.last, state.witness.sinks
        page = page_of("console_ledger") or list_of(Checkpoint)
        late = len(state.unreached)
        figures = [
            Figure("Entries", state.entries, list_of(LedgerEntry)),
            Figure(
                "Waiting for the chain", state.pending,
                note=f"since {timesince(state.pending_since)}" if state.pending_since else "",
            ),
            Figure(
                "Last checkpoint",
                f"{timezone.localtime(last.signed_at):%Y-%m-%d %H:%M}" if last else "none yet",
                page,
                note=f"of {last.tree_size:,} entries; {state.witness.uncovered:,} came after"
                if last
                else "",
                tone="bad" if state.witness.overdue else "good" if last else "",
            ),
            Figure(
                "Witnesses reached", f"{len(sinks) - late} of {len(sinks)}", page,
                tone="bad" if late else "good",
            ),
        ]  # fmt: skip
        return Card("Ledger", figures=figures, wide=False)

    def _storage(self) -> Card:
        room = storage.disk()
        figures = [
            Figure("Database", size_in_words(storage.database_bytes())),
            Figure(
                "Free on the disk", size_in_words(room.free_bytes),
                note=f"of {size_in_words(room.total_bytes)}",
                tone="bad" if room.little else "good",
            ),
        ]  # fmt: skip
        link = page_of("console_storage")
        return Card(
            "Storage",
            figures=figures,
            wide=False,
            buttons=_button("Storage", link),
        )

    def _work(self) -> Card:
        going = overview.work_in_progress(self.reach)
        link = page_of("console_jobs")
        figures = [
            Figure(state.capitalize(), number, list_of(Asset, state__exact=state))
            for state, number in sorted(going.assets.items())
        ]
        if going.reembedding:
            figures.append(Figure("Re-embedding", going.reembedding, link))
        if going.reredacting:
            figures.append(Figure("Redacting anew", going.reredacting, link))
        return Card(
            "Jobs",
            figures=figures,
            empty="Nothing is being worked on right now.",
            buttons=_button("Jobs", link),
        )


def _button(label: str, href: str) -> list[Button]:
    return [Button(label, href)] if href else []


def _items(counted: Counter[str]) -> list[tuple[str, int]]:
    return list(counted.items())
