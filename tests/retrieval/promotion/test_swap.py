"""While one version gives way to another, everybody who looks finds exactly one of them."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from django.db import connection

from retrieval.errors import Conflict
from retrieval.models import ModelVersion
from retrieval.selectors.models import active_models
from retrieval.services.promotion import promote, rollback
from tests.retrieval.ingest.conftest import sent

__all__ = ["sent"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_there_is_always_exactly_one(candidate, embedded):
    embedded("fake@2")
    seen: list[tuple[str, ...]] = []
    over = Event()

    def look() -> None:
        try:
            while not over.is_set():
                seen.append(tuple(model.ref for model in active_models()))
        finally:
            connection.close()

    looker = Thread(target=look)
    looker.start()
    try:
        for _ in range(4):
            promote(ref="fake@2", by=None, force=True, reason="To and fro.")
            rollback(ref="fake@2", by=None)
    finally:
        over.set()
        looker.join()
    assert set(seen) <= {("fake@1",), ("fake@2",)}
    assert len(seen) > 8


def test_of_two_rollbacks_at_once_one_is_done(candidate, embedded):
    embedded("fake@2")
    promote(ref="fake@2", by=None, force=True, reason="To and fro.")
    outcomes: list[str] = []

    def back() -> None:
        try:
            rollback(ref="fake@2", by=None)
            outcomes.append("done")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connection.close()

    both = [Thread(target=back) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(outcomes) == ["conflict", "done"]
    assert ModelVersion.objects.filter(status="active").get().ref == "fake@1"
