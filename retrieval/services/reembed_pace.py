"""How fast re-embedding goes: all out while nobody searches, and held back while somebody does.

Two things make a search wait: the batch that the model server has in hand, and the cores. So beside
searches requests are cut to what the server computes in a short slice, and after each a pause keeps
to a share of the time, the duty. It follows what searches were measured to take: less where they
take much longer than they did before the job, more where they do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from audit.models import SearchRecord
from retrieval import clients
from retrieval.encoders.client import ModelError
from retrieval.vectors import Vector

logger = structlog.get_logger("vitrine.reembed")

MOST_ITEMS = 64  # of one request, also while nobody searches
_BUSY_FOR_SECONDS = 3.0  # after the last query that was seen
_LOOK_EVERY_SECONDS = 0.25
_JUDGE_EVERY_SECONDS = 5.0
_DUTY_FIRST, _DUTY_MOST = 0.7, 1.0
_SLOWER, _FASTER = 0.1, 0.05  # back off quickly, come back slowly
# The promise is twice the idle p95; the controller steers to stay well below.
_TOO_SLOW, _QUICK_ENOUGH = 1.6, 1.3
_RECENT = timedelta(seconds=20)
_FEW_SEARCHES = 8
_BASE_SEARCHES, _BASE_AT_LEAST = 200, 20
_NEWEST_WEIGHS = 0.3


def percentile_95(values: list[int]) -> float:
    """The smallest value that 95 % do not exceed (nearest rank)."""
    ordered = sorted(values)
    return float(ordered[-(-len(ordered) * 95 // 100) - 1])


def search_times(*, since: datetime | None = None, before: datetime | None = None) -> list[int]:
    """Milliseconds of the latest searches in that time, 200 at most. One query; figures only."""
    rows = SearchRecord.objects.filter(total_ms__isnull=False)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [ms for ms in rows.values_list("total_ms", flat=True)[:_BASE_SEARCHES] if ms is not None]


@dataclass
class SearchPace:
    """A ``Pace`` that makes way for searches. One a job and process."""

    started_at: datetime
    rate_limit: float | None = None
    duty: float = 1.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    seconds_an_item: dict[str, float] = field(default_factory=dict)
    _queries: int | None = None
    _query_seen: float | None = None
    _looked: float | None = None
    _judged: float = 0.0
    _base: float | None = None

    def items(self, modality: str, /) -> int | None:
        """Beside searches what is computed in a slice; at least one, at most ``MOST_ITEMS``."""
        each = self.seconds_an_item.get(modality)
        if each is None:
            return 1
        if not self.beside_searches:
            return MOST_ITEMS
        slice_seconds = settings.VITRINE_REEMBED_SLICE_MS / 1000
        return max(1, min(MOST_ITEMS, int(slice_seconds / max(each, 1e-6))))

    def run(self, modality: str, items: int, call: Callable[[], Vector], /) -> Vector:
        """What ``call`` gives; then a pause, as long as the duty and the limit ask."""
        self._look()
        began = self.clock()
        vectors = call()
        took = self.clock() - began
        each = took / max(items, 1)
        known = self.seconds_an_item.get(modality, each)
        self.seconds_an_item[modality] = known + _NEWEST_WEIGHS * (each - known)
        pause = took * (1 / self.duty - 1)
        if self.rate_limit:
            pause = max(pause, items / self.rate_limit - took)
        if pause > 0:
            self.sleep(pause)
        return vectors

    @property
    def beside_searches(self) -> bool:
        """Whether somebody searched just now."""
        return self._query_seen is not None and self.clock() - self._query_seen < _BUSY_FOR_SECONDS

    def _look(self) -> None:
        """Asks the model server, now and then, whether queries came."""
        now = self.clock()
        if self._looked is not None and now - self._looked < _LOOK_EVERY_SECONDS:
            return
        self._looked = now
        try:
            queries = int(clients.models().health().get("batches", {}).get("query", 0))
        except ModelError:
            return  # the next request says what is the matter
        was_beside = self.beside_searches
        if self._queries is not None and queries > self._queries:
            self._query_seen = now
        self._queries = queries
        if not self.beside_searches:
            self.duty = _DUTY_MOST
        elif not was_beside:
            self.duty, self._judged = max(_DUTY_FIRST, _least()), now
        elif now - self._judged >= _JUDGE_EVERY_SECONDS:
            self._judged = now
            self._judge()

    def _judge(self) -> None:
        """Moves the duty by how long searches take beside it, against how long they took before."""
        recent = search_times(since=timezone.now() - _RECENT)
        if self._base is None:
            before = search_times(before=self.started_at)
            self._base = percentile_95(before) if len(before) >= _BASE_AT_LEAST else 0.0
        if len(recent) < _FEW_SEARCHES or not self._base:
            return
        ratio = percentile_95(recent) / self._base
        if ratio > _TOO_SLOW:
            self.duty = max(_least(), self.duty - _SLOWER)
        elif ratio < _QUICK_ENOUGH:
            self.duty = min(_DUTY_MOST, self.duty + _FASTER)
        logger.info("reembed_paced", ratio=round(ratio, 2), duty=round(self.duty, 2))


def _least() -> float:
    return float(settings.VITRINE_REEMBED_LEAST_PERCENT) / 100
