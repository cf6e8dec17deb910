"""What stays in memory, and what goes."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workers.model_server import gpu, memory
from workers.model_server.desk import Desk
from workers.model_server.keeper import Keeper
from workers.model_server.scheduler import Scheduler
from workers.model_server.store import Description, ModelRefusal, ModelStore, Opened


class Encoder:
    def __init__(self, device="cpu"):
        self.device = SimpleNamespace(type=device)
        self.sizes = []

    def encode(self, items):
        self.sizes.append(len(items))
        return np.ones((len(items), 2), np.float32)


class Folder:
    """Bundles by ref, with the stamp of their files."""

    def __init__(self, *refs):
        self.stamps = dict.fromkeys(refs, "1")
        self.warm = frozenset()
        self.opened = []
        self.device = "cpu"
        self.broken = set()

    def found(self):
        return [self._description(ref) for ref in self.stamps]

    def open(self, ref):
        self.opened.append(ref)
        if ref in self.broken or ref not in self.stamps:
            raise ModelRefusal("bundle-changed", "No.")
        return Opened(self._description(ref), {"text": Encoder(self.device)}, 7)

    def stamp(self, ref):
        return self.stamps.get(ref)

    def active(self):
        return self.warm

    def probe(self, description, modality):
        return "probe"

    def _description(self, ref):
        return Description(ref=ref, space="s", dimension=2, modalities=("text",), input={})


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder():
    return Folder("a@1", "b@1")


@pytest.fixture
def store(folder, clock):
    return ModelStore(folder, threads=1, idle_seconds=60, clock=clock)


def test_what_is_not_asked_for_goes_unless_it_is_active(store, folder, clock):
    folder.warm = frozenset({"a@1"})
    for ref in ("a@1", "b@1"):
        store.tower(ref, "text")
    clock.now = 59
    assert store.tend() == {}
    clock.now = 61
    assert store.tend(busy={"b@1"}) == {}
    assert store.tend() == {"b@1": "idle"}
    assert store.loaded() == ["a@1"]
    assert store.tower("b@1", "text").encode(["x"]).shape == (1, 2)
    assert folder.opened == ["a@1", "b@1", "b@1"]


def test_a_use_begins_the_time_anew(store, clock):
    store.tower("b@1", "text")
    clock.now = 50
    store.tower("b@1", "text")
    clock.now = 100
    assert store.tend() == {}
    assert store.state()["b@1"] == {
        "loaded": True,
        "active": False,
        "resident_bytes": 7,
        "idle_seconds": 50,
    }


def test_removed_bundles_go_at_once_and_replaced_ones_unless_active(store, folder):
    folder.warm = frozenset({"a@1"})
    for ref in ("a@1", "b@1"):
        store.tower(ref, "text")
    del folder.stamps["a@1"]
    folder.stamps["b@1"] = "2"
    assert store.tend() == {"a@1": "removed", "b@1": "removed"}
    assert store.wanted() == ["a@1"]
    with pytest.raises(ModelRefusal):
        store.tower("a@1", "text")


def test_a_replaced_active_bundle_answers_until_it_is_opened_anew(store, folder):
    folder.warm = frozenset({"a@1"})
    old = store.tower("a@1", "text")
    folder.stamps["a@1"] = "2"
    assert store.tend() == {}
    assert store.stale() == ["a@1"]
    assert store.tower("a@1", "text") == old
    store.renew("a@1")
    assert store.tower("a@1", "text").encoder is not old.encoder
    assert store.tend() == {}
    assert store.stale() == []


def test_a_replaced_bundle_that_does_not_verify_answers_nobody(store, folder):
    folder.warm = frozenset({"a@1"})
    store.tower("a@1", "text")
    folder.stamps["a@1"] = "2"
    folder.broken = {"a@1"}
    store.tend()
    with pytest.raises(ModelRefusal):
        store.renew("a@1")
    assert store.loaded() == []
    assert store.wanted() == []


def test_a_refused_bundle_is_not_tried_again_until_its_files_change(store, folder):
    folder.warm = frozenset({"a@1"})
    folder.broken = {"a@1"}
    with pytest.raises(ModelRefusal):
        store.load("a@1")
    assert store.wanted() == []
    assert store.refused() == {"a@1": "bundle-changed"}
    folder.stamps["a@1"] = "2"
    assert store.wanted() == ["a@1"]
    folder.warm = frozenset()
    del folder.stamps["a@1"]
    store.tend()
    assert store.refused() == {}


def test_weights_that_two_towers_share_count_once():
    shared, own = torch.nn.Linear(3, 5), torch.nn.Linear(5, 2, bias=False)
    towers = {
        "text": SimpleNamespace(module=torch.nn.Sequential(shared, own), dimension=2),
        "image": SimpleNamespace(_model=shared),
    }
    assert memory.weight_bytes(towers) == 4 * (3 * 5 + 5 + 5 * 2)
    own.packed_bytes = 1000  # int8 weights, say
    assert memory.weight_bytes(towers) == 4 * (3 * 5 + 5 + 5 * 2) + 1000


class Device:
    """Has room for five probes."""

    items = 0

    def free(self):
        return 110

    def peak_of(self, work):
        return 10 * work().shape[0] + 5


@pytest.fixture
def looking(store):
    """One look of the keeper's, with its desk."""
    scheduler = Scheduler()
    scheduler.start()
    desk = Desk(store, scheduler)
    keeper = Keeper(desk, device=Device())
    yield lambda: asyncio.run(keeper.look()), scheduler
    desk.close()
    scheduler.stop()


def test_what_becomes_active_is_loaded_and_warmed_and_what_goes_is_forgotten(
    looking, store, folder, clock
):
    look, scheduler = looking
    look()
    assert store.loaded() == []
    folder.warm = frozenset({"a@1"})
    look()
    assert store.loaded() == ["a@1"]
    assert scheduler.paces()["a@1", "text"].items == 1
    look()
    assert scheduler.paces()["a@1", "text"].items == 1, "warmed once"
    folder.warm = frozenset({"b@1"})
    clock.now = 61
    look()
    assert store.loaded() == ["b@1"]
    assert list(scheduler.paces()) == [("b@1", "text")]


def test_a_replaced_model_is_renewed_and_warmed(looking, store, folder):
    look, scheduler = looking
    folder.warm = frozenset({"a@1"})
    look()
    folder.stamps["a@1"] = "2"
    look()
    assert folder.opened == ["a@1", "a@1"]
    assert scheduler.paces()["a@1", "text"].items == 2


def test_a_model_that_cannot_be_loaded_harms_no_other(looking, store, folder):
    look, _ = looking
    folder.warm = frozenset({"a@1", "b@1"})
    folder.broken = {"a@1"}
    look()
    assert store.loaded() == ["b@1"]


def test_a_gpus_memory_bounds_its_batches(looking, folder, store):
    look, scheduler = looking
    folder.device, folder.warm = "cuda", frozenset({"a@1"})
    look()
    assert gpu.on_gpu(store.tower("a@1", "text").encoder)
    assert scheduler.paces()["a@1", "text"].limit == 5  # (110 / 2 - 5) / 10
