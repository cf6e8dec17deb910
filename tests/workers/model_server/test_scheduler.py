import threading

import numpy as np
import pytest

from workers.model_server import memory
from workers.model_server.batches import MemoryShortError
from workers.model_server.scheduler import QUERIES_IN_A_ROW, QueueFullError, Scheduler


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


def test_ingestion_has_its_turn_however_many_queries_come(scheduler, recorder):
    first = submit(scheduler, recorder, ["a"])
    assert recorder.begun.wait(30)
    queries = [
        submit(scheduler, recorder, [f"q{n}"], lane="query", tower=f"t{n}") for n in range(20)
    ]
    ingest = submit(scheduler, recorder, ["late"])
    recorder.go.set()
    for future in (first, ingest, *queries):
        future.result(30)
    assert recorder.batches.index(["late"]) == 1 + QUERIES_IN_A_ROW
    assert len(recorder.batches) == 22


def test_a_long_job_leaves_turns_to_the_others(scheduler, recorder):
    long = submit(scheduler, recorder, [f"l{n}" for n in range(12)])
    assert recorder.begun.wait(30)
    short = submit(scheduler, recorder, ["s"], tower="u")
    recorder.go.set()
    short.result(30)
    long.result(30)
    assert recorder.batches[2] == ["s"]


class Clock:
    """Seconds that pass only where an encoder says that it took some."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_micro_batches_are_short_while_queries_come_and_long_otherwise():
    clock, sizes = Clock(), []

    def encode(items):
        sizes.append(len(items))
        clock.now += 0.02 + 0.01 * len(items)
        return np.zeros((len(items), 1), np.float32)

    scheduler = Scheduler(clock=clock)
    scheduler.start()
    try:
        ask = {"encode": encode, "tower": "t", "batch_items": 64}
        scheduler.submit(["x"] * 400, lane="ingest", **ask).result(30)
        assert 35 <= sizes[-2] <= 38  # 0.02 + 0.01 n = 0.4
        scheduler.submit(["q"], lane="query", **ask).result(30)
        sizes.clear()
        scheduler.submit(["x"] * 40, lane="ingest", **ask).result(30)
        assert sizes[-2] == 3  # 0.02 + 0.01 n = 0.05
        clock.now += 60
        scheduler.submit(["x"] * 200, lane="ingest", **ask).result(30)
        assert max(sizes) > 30
    finally:
        scheduler.stop()


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


class SmallDevice:
    """Takes three items at a time."""

    def __init__(self, room=3):
        self.room = room
        self.sizes = []

    def encode(self, items):
        self.sizes.append(len(items))
        if len(items) > self.room:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return np.array([[float(item)] for item in items], dtype=np.float32)


@pytest.fixture
def ask(scheduler):
    return lambda device, items: scheduler.submit(
        items, tower="t", encode=device.encode, lane="ingest", batch_items=64
    )


def test_a_batch_that_does_not_fit_goes_on_in_halves(scheduler, ask):
    device = SmallDevice()
    assert ask(device, range(8)).result(30)[:, 0].tolist() == list(range(8))
    assert device.sizes[:3] == [4, 2, 2]
    device.sizes.clear()
    assert ask(device, range(8)).result(30)[:, 0].tolist() == list(range(8))
    assert max(device.sizes) == 2
    ask(device, range(256)).result(30)
    assert max(device.sizes) == 4, "tried larger again after many good batches"


def test_what_fits_not_even_alone_is_said_to_be_short_of_memory(ask):
    with pytest.raises(MemoryShortError):
        ask(SmallDevice(room=0), [1]).result(30)


def test_memory_errors_are_told_from_others():
    assert memory.ran_out(MemoryError())
    assert memory.ran_out(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert not memory.ran_out(RuntimeError("shapes do not fit"))
    assert not memory.ran_out(ValueError("CUDA out of memory"))


def test_who_is_refused_hears_when_to_come_back():
    clock = Clock()
    busy, go = threading.Event(), threading.Event()

    def encode(items):
        clock.now += 0.5 * len(items)
        if items != ["first"]:
            busy.set()
            assert go.wait(30)
        return np.zeros((len(items), 1), np.float32)

    scheduler = Scheduler(max_waiting_items=40, clock=clock)
    scheduler.start()
    try:
        ask = {"encode": encode, "tower": "t", "lane": "ingest", "batch_items": 1}
        scheduler.submit(["first"], **ask).result(30)
        held = scheduler.submit(range(41), **ask)
        assert busy.wait(30)
        with pytest.raises(QueueFullError) as full:
            scheduler.submit([1], **ask)
        assert 9 <= full.value.retry_after_seconds <= 11  # half of 40 items of 0.5 s
        go.set()
        held.result(30)
    finally:
        go.set()
        scheduler.stop()
