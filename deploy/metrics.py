"""Figures for Prometheus: this process's own and what the database counts.

Numbers only, no names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Count, Max, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from accounts.models import User
from audit.checkpoints.health import witness_state
from audit.models import LedgerEntry, LedgerPending, SearchRecord
from deploy.model_metrics import ModelServing, QueryCache
from retrieval import scope
from retrieval.models import Asset, Collection, Segment


class Holdings(Collector):
    """What the appliance holds and does, counted when asked."""

    def collect(self) -> Iterable[Metric]:
        """All families, counted in one transaction."""
        with scope.system():
            return list(self._families())

    def _families(self) -> Iterator[Metric]:
        yield _gauge("vitrine_collections", "Collections.", Collection.objects.count())
        assets = GaugeMetricFamily("vitrine_assets", "Assets by state.", labels=["state"])
        for state, count in Asset.objects.order_by().values_list("state").annotate(Count("id")):
            assets.add_metric([state], count)
        yield assets
        yield _gauge("vitrine_segments", "Segments.", Segment.objects.count())
        active = User.objects.filter(is_active=True)
        yield _gauge("vitrine_users_active", "Users that may log in.", active.count())
        yield _gauge("vitrine_search_records", "Searches recorded.", SearchRecord.objects.count())
        newest = LedgerEntry.objects.aggregate(newest=Max("seq"))["newest"] or 0
        yield _gauge("vitrine_ledger_entries", "Entries in the ledger's chain.", newest)
        pending = LedgerPending.objects.aggregate(count=Count("id"), oldest=Min("at"))
        yield _gauge("vitrine_ledger_pending", "Events not chained yet.", pending["count"])
        waited = (timezone.now() - pending["oldest"]).total_seconds() if pending["oldest"] else 0.0
        yield _gauge("vitrine_ledger_pending_seconds", "Age of the oldest of them.", waited)
        yield from _witnesses()


def _witnesses() -> Iterator[Metric]:
    state = witness_state()
    size = state.last.tree_size if state.last else 0
    age = (timezone.now() - state.last.signed_at).total_seconds() if state.last else 0.0
    yield _gauge("vitrine_checkpoint_entries", "Entries under the last checkpoint.", size)
    yield _gauge("vitrine_checkpoint_age_seconds", "Age of the last checkpoint.", age)
    yield _gauge("vitrine_checkpoint_overdue", "1: one is due and was not signed.", state.overdue)
    waiting = GaugeMetricFamily(
        "vitrine_checkpoint_undelivered", "Checkpoints that wait, by sink.", labels=["sink"]
    )
    alarm = GaugeMetricFamily(
        "vitrine_checkpoint_sink_alarm", "1: one has waited for 15 minutes.", labels=["sink"]
    )
    for number, sink in enumerate(state.sinks, start=1):
        waiting.add_metric([str(number)], sink.waiting)
        alarm.add_metric([str(number)], sink.alarm)
    yield from (waiting, alarm)


def exposition() -> tuple[bytes, str]:
    """The figures as text, and its content type."""
    registry = CollectorRegistry()
    for collector in (Holdings(), ModelServing(), QueryCache()):
        registry.register(collector)
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
