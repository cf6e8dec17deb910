"""Figures of the model server and of the query cache: numbers, refs of models, nothing asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from retrieval import clients
from retrieval.encoders.client import ModelError
from retrieval.services.search.cache import query_vectors

_ANSWER_WITHIN_SECONDS = 2.0


class ModelServing(Collector):
    """What the model server says of itself, asked when asked; down is a figure, too."""

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must ask nobody."""
        return []

    def collect(self) -> Iterable[Metric]:
        """All families, or only that it is down."""
        try:
            health = clients.models().health(timeout_seconds=_ANSWER_WITHIN_SECONDS)
        except ModelError:
            return [_gauge("vitrine_model_server_up", "Whether it answers.", 0)]
        return [
            _gauge("vitrine_model_server_up", "Whether it answers.", 1),
            _gauge("vitrine_model_server_requests", "Under way.", health.get("under_way", 0)),
            _by("vitrine_model_server_memory_bytes", "Its memory.", "kind", health.get("memory")),
            _by("vitrine_model_server_waiting_items", "Waiting.", "lane", health.get("queues")),
            _count("vitrine_model_server_batches", "Computed.", "lane", health.get("batches")),
            _count("vitrine_model_server_items", "Encoded.", "lane", health.get("items")),
            _count("vitrine_model_server_answers", "By outcome.", "outcome", health.get("answers")),
            *_of_models(health.get("models") or {}),
        ]


class QueryCache(Collector):
    """Look-ups of query vectors in all processes; the hit rate is hits over both."""

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must ask nobody."""
        return []

    def collect(self) -> Iterable[Metric]:
        """One family."""
        lookups = query_vectors.report()
        yield _count("vitrine_query_cache_lookups", "Query vectors.", "outcome", lookups)


def _of_models(models: Mapping[str, Mapping[str, Any]]) -> Iterable[Metric]:
    figures = {
        "active": ("vitrine_model_active", "Kept in memory."),
        "resident_bytes": ("vitrine_model_weight_bytes", "Its weights in memory."),
        "idle_seconds": ("vitrine_model_idle_seconds", "Since its last use."),
        "waiting": ("vitrine_model_waiting_items", "Items that wait for it."),
    }
    for key, (name, help_text) in figures.items():
        values = {ref: float(state.get(key, 0)) for ref, state in models.items()}
        yield _by(name, help_text, "model", values)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _by(name: str, help_text: str, label: str, values: Mapping[str, float] | None) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, value in (values or {}).items():
        family.add_metric([key], value)
    return family


def _count(name: str, help_text: str, label: str, values: Mapping[str, float] | None) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for key, value in (values or {}).items():
        family.add_metric([key], value)
    return family
