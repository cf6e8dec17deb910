import threading

import numpy as np
import pytest

from workers.model_server.scheduler import QueueFullError, Scheduler


class Recorder:
    """An encoder that waits for a sign before its first batch and notes what came together."""

    def __init__(self):
        self.batches = []
        self.begun = threading.Event()
        self.go = threading.Event()

    def encode(self, items):
        self.begun.set()
        assert self.go.wait(30)
        self.batches.append(list(items))
        if "bad" in items:
            raise ValueError
        return np.array([[float(len(str(item)))] for item in items], dtype=np.float32)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def scheduler():
    scheduler = Scheduler(max_waiting_items=100, max_waiting_bytes=1000)
    scheduler.start()
    yield scheduler
    scheduler.stop()


def submit(scheduler, recorder, items, lane="ingest", tower="t", **more):
    return scheduler.submit(
        items, tower=tower, encode=recorder.encode, lane=lane, batch_items=4, **more
    )


def test_rows_come_back_in_order_over_several_batches(scheduler, recorder):
    recorder.go.set()
    items = ["x" * n for n in range(1, 12)]
    rows = submit(scheduler, recorder, items).result(30)
    assert rows[:, 0].tolist() == [float(n) for n in range(1, 12)]
    assert rows.dtype == np.float32
    assert all(len(batch) <= 4 for batch in recorder.batches)


def test_a_query_waits_for_one_batch_of_ingestion_at_most(scheduler, recorder):
    ingest = submit(scheduler, recorder, [f"i{n}" for n in range(12)])
    assert recorder.begun.wait(30)
    query = submit(scheduler, recorder, ["q"], lane="query")
    recorder.go.set()
    query.result(30)
    ingest.result(30)
    assert recorder.batches[1] == ["q"]


def test_requests_of_one_tower_share_a_batch_and_of_two_do_not(scheduler, recorder):
    first = submit(scheduler, recorder, ["a"])
    assert recorder.begun.wait(30)
    others = [submit(scheduler, recorder, [name]) for name in "bcd"]
    stranger = submit(scheduler, recorder, ["z"], tower="u")
    recorder.go.set()
    for future in (first, *others, stranger):
        future.result(30)
    assert recorder.batches == [["a"], ["b", "c", "d"], ["z"]]


def test_one_bad_item_harms_no_neighbour(scheduler, recorder):
    first = submit(scheduler, recorder, ["a"])
    assert recorder.begun.wait(30)
    good, bad = submit(scheduler, recorder, ["good"]), submit(scheduler, recorder, ["bad"])
    recorder.go.set()
    assert good.result(30).tolist() == [[4.0]]
    with pytest.raises(ValueError):  # noqa: PT011 - the fake's own error, without a message
        bad.result(30)
    first.result(30)


def test_a_cancelled_job_is_dropped(scheduler, recorder):
    first = submit(scheduler, recorder, ["a"])
    assert recorder.begun.wait(30)
    late = submit(scheduler, recorder, ["never"])
    assert late.cancel()
    recorder.go.set()
    first.result(30)
    submit(scheduler, recorder, ["b"]).result(30)
    assert ["never"] not in recorder.batches


def test_too_much_waiting_is_refused_by_count_and_by_bytes(scheduler, recorder):
    submit(scheduler, recorder, ["a"])
    assert recorder.begun.wait(30)
    submit(scheduler, recorder, ["b"] * 90, size_bytes=900)
    with pytest.raises(QueueFullError):
        submit(scheduler, recorder, ["c"] * 20)
    with pytest.raises(QueueFullError):
        submit(scheduler, recorder, ["c"], size_bytes=200)
    assert scheduler.waiting == {"query": 0, "ingest": 90}
    submit(scheduler, recorder, ["q"], lane="query")
    recorder.go.set()


def test_stopping_cancels_what_waits():
    recorder = Recorder()
    scheduler = Scheduler()
    waiting = submit(scheduler, recorder, ["a"])
    scheduler.stop()
    assert waiting.cancelled()
    with pytest.raises(QueueFullError):
        submit(scheduler, recorder, ["b"])
