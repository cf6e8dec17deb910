"""Re-embedding makes way for searches, and takes everything where there are none."""

from __future__ import annotations

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from audit.models import SearchRecord
from retrieval import clients
from retrieval.encoders.client import ModelUnavailable
from retrieval.services.reembed import reembed_start
from retrieval.services.reembed_pace import MOST_ITEMS, SearchPace, percentile_95, search_times
from tests.factories import make_collection
from tests.retrieval.reembed.conftest import NEW, job_of, put_text, run

SOME = np.zeros((1, 8), np.float32)


class Clock:
    """Time that passes only where somebody sleeps or works."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds

    def work(self, seconds: float):
        self.now += seconds
        return SOME


class Server:
    """A model server whose query lane one can fill."""

    def __init__(self) -> None:
        self.queries, self.away = 0, False

    def health(self, *, timeout_seconds: float = 5.0):
        if self.away:
            raise ModelUnavailable("not-reachable")
        return {"status": "ok", "batches": {"query": self.queries, "ingest": 7}}


@pytest.fixture
def server():
    made = Server()
    with clients.override(models=made):
        yield made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock, server, settings):
    settings.VITRINE_REEMBED_SLICE_MS = 50
    settings.VITRINE_REEMBED_LEAST_PERCENT = 60
    return SearchPace(started_at=timezone.now(), sleep=clock.sleep, clock=clock)


def work(pace, clock, seconds=0.1, items=1, times=1):
    for _ in range(times):
        pace.run("image", items, lambda: clock.work(seconds))


def searches(pace, clock, server, times=10):
    """Work while somebody searches all the time."""
    for _ in range(times):
        server.queries += 1
        work(pace, clock, 0.3)


def test_where_nobody_searches_there_is_no_pause(pace, clock):
    work(pace, clock, times=20)
    assert clock.slept == 0
    assert pace.items("image") == MOST_ITEMS


def test_beside_searches_it_pauses_and_asks_for_little_at_once(pace, clock, server):
    work(pace, clock, 0.02, times=20)
    searches(pace, clock, server, times=1)
    began, slept = clock.now, clock.slept
    for _ in range(50):
        server.queries += 1
        work(pace, clock, 0.02)
    share = 1 - (clock.slept - slept) / (clock.now - began)
    assert 0.6 <= share <= 0.75
    assert 1 <= pace.items("image") <= 3  # 50 ms at about 20 ms each
    assert pace.items("audio") == 1  # not known yet


def test_after_the_last_search_it_takes_everything_again(pace, clock, server):
    searches(pace, clock, server)
    assert pace.duty < 1
    clock.now += 10
    work(pace, clock)
    assert (pace.duty, pace.items("image")) == (1.0, MOST_ITEMS)


def test_a_limit_is_kept_by_the_second(pace, clock):
    pace.rate_limit = 10.0
    began = clock.now
    work(pace, clock, 0.01, items=5, times=10)
    assert clock.now - began == pytest.approx(5.0)


def test_a_server_that_gives_no_account_of_itself_changes_nothing(pace, clock, server):
    server.away = True
    work(pace, clock, times=5)
    assert clock.slept == 0


def record(milliseconds, *, at):
    SearchRecord.objects.create(
        at=at,
        actor=uuid.uuid4(),
        query_modality="text",
        query_hmac=b"0" * 32,
        confident=True,
        hit_count=0,
        total_ms=milliseconds,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("now_ms", "expected"), [(300, 0.6), (110, 1.0), (150, 0.7)])
def test_it_follows_how_long_searches_take(pace, clock, server, now_ms, expected):
    for _ in range(30):
        record(100, at=timezone.now() - timedelta(hours=1))
    for _ in range(10):
        record(now_ms, at=timezone.now())
    searches(pace, clock, server, times=200)
    assert pace.duty == pytest.approx(expected)


@pytest.mark.django_db
def test_times_are_read_newest_first_and_only_of_that_time():
    now = timezone.now()
    for minutes, ms in ((60, 5), (1, 7), (0, 9)):
        record(ms, at=now - timedelta(minutes=minutes))
    assert search_times() == [9, 7, 5]
    assert search_times(since=now - timedelta(minutes=2)) == [9, 7]
    assert search_times(before=now - timedelta(minutes=2)) == [5]


def test_the_95th_percentile_is_a_value_that_was_measured():
    assert percentile_95([5]) == 5
    assert percentile_95(list(range(1, 101))) == 95


@pytest.mark.django_db
def test_a_job_tells_the_duty_it_works_at(models):
    put_text(make_collection(), "line")
    reembed_start(ref=NEW, by=None, rate_limit=10_000.0)
    job = run()
    assert (job.state, job.duty, job.rate_limit) == ("done", 1.0, 10_000.0)
    assert job_of().rate > 0
