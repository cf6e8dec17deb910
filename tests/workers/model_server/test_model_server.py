"""The model server over its socket, asked as web and workers ask it; models are fakes."""

import threading
import time

import numpy as np
import pytest
from starlette.requests import Request

from retrieval.encoders.client import ModelClient, ModelRefused, ModelUnavailable
from tests.workers.serving import served
from workers.model_server.app import MAX_ITEMS, ModelServer
from workers.model_server.requests import MAX_BODY_BYTES, MAX_HELD_BYTES, Admission
from workers.model_server.scheduler import QueueFullError, Scheduler
from workers.model_server.store import Description, ModelRefusal, ModelStore, Opened

TOY = Description(
    ref="toy@1",
    space="toy",
    dimension=3,
    modalities=("image", "text"),
    input={"image": {"longest_side": 8}},
)


class FakeEncoder:
    def __init__(self):
        self.hold = threading.Event()
        self.hold.set()

    def encode(self, items):
        assert self.hold.wait(30)
        if any(isinstance(item, str) and item == "refuse" for item in items):
            raise ValueError("secret words of an input")
        if any(isinstance(item, str) and item == "crash" for item in items):
            raise RuntimeError("secret words of an input")
        return np.stack([[np.asarray(item).size, 0.0, 1.0] for item in items]).astype(np.float32)


class FakeLibrary:
    def __init__(self):
        self.encoder = FakeEncoder()
        self.opened = 0
        self.opening = threading.Event()
        self.opening.set()

    def active(self):
        return frozenset({"toy@1"})

    def stamp(self, ref):
        return "1" if ref == "toy@1" else None

    def found(self):
        return [TOY]

    def open(self, ref):
        if ref != "toy@1":
            raise ModelRefusal("bundle-changed", "A file is not what the manifest says.")
        assert self.opening.wait(30)
        self.opened += 1
        return Opened(TOY, {"text": self.encoder, "image": self.encoder})

    def probe(self, description, modality):
        return "probe" if modality == "text" else None


@pytest.fixture
def library():
    return FakeLibrary()


@pytest.fixture
def client(library, tmp_path):
    server = ModelServer(ModelStore(library, threads=1), Scheduler(max_waiting_items=600))
    with served(server.app(), tmp_path / "m.sock") as path:
        client = ModelClient(path)
        yield client
        client.close()
        library.encoder.hold.set()


def test_texts_and_arrays_come_back_as_rows(client):
    rows = client.encode_text("toy@1", ["a", "b"])
    assert rows.shape == (2, 3)
    assert rows.dtype == np.float32
    pictures = [np.zeros((4, 5, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)]
    rows = client.encode_arrays("toy@1", "image", pictures)
    assert rows[:, 0].tolist() == [60.0, 12.0]
    assert client.encode_text("toy@1", []).shape == (0, 3)


def test_a_bundle_is_opened_once_however_many_ask(client, library):
    threads = [
        threading.Thread(target=client.encode_text, args=("toy@1", [str(n)])) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert library.opened == 1


def test_models_and_health_say_what_is_there(client):
    client.encode_text("toy@1", ["a"])
    (model,) = client.models()
    assert (model.ref, model.dimension, model.loaded) == ("toy@1", 3, True)
    assert model.modalities == ("image", "text")
    health = client.health()
    assert health["loaded"] == ["toy@1"]
    assert health["memory"]["resident"] > 0
    assert health["queues"] == {"query": 0, "ingest": 0}


def test_refusals_say_why_and_never_what(client, capfd):
    with pytest.raises(ModelRefused) as refused:
        client.encode_text("other@1", ["a"])
    assert refused.value.code == "bundle-changed"
    assert client.health()["refused"] == {"other@1": "bundle-changed"}
    with pytest.raises(ModelRefused) as refused:
        client.encode_arrays("toy@1", "audio", [np.zeros(3, np.float32)])
    assert refused.value.code == "no-such-modality"
    with pytest.raises(ModelRefused) as refused:
        client.encode_text("toy@1", ["a"] * (MAX_ITEMS + 1))
    assert refused.value.code == "too-many-items"
    with pytest.raises(ModelRefused) as refused:
        client.encode_text("toy@1", ["refuse"])
    assert refused.value.code == "bad-input"
    with pytest.raises(ModelUnavailable) as crashed:
        client.encode_text("toy@1", ["crash"])
    assert crashed.value.code == "server-error"
    out, err = capfd.readouterr()
    assert "secret" not in out + err


def test_garbage_is_refused(client):
    from retrieval.transport import TransportRefusedError

    for body in (b"", b"garbage", b"\0\0\0\2{}"):
        with pytest.raises(TransportRefusedError) as refused:
            client._transport.post("/encode", body)
        assert refused.value.status == 400


def test_a_deadline_that_passes_is_transient(client, library, monkeypatch):
    client.encode_text("toy@1", ["a"])
    library.encoder.hold.clear()
    monkeypatch.setattr("retrieval.encoders.client.QUERY_TIMEOUT_SECONDS", 0.3)
    with pytest.raises(ModelUnavailable):
        client.encode_text("toy@1", ["a"])
    library.encoder.hold.set()
    assert client.encode_text("toy@1", ["a"], priority="ingest").shape == (1, 3)


def test_a_full_server_says_when_to_come_back(client, library, monkeypatch):
    client.encode_text("toy@1", ["a"])
    library.encoder.hold.clear()
    held = threading.Thread(
        target=client.encode_text, args=("toy@1", ["b"] * MAX_ITEMS), kwargs={"priority": "ingest"}
    )
    held.start()
    while not client.health()["queues"]["ingest"]:
        time.sleep(0.01)
    monkeypatch.setattr("retrieval.encoders.client.INGEST_PATIENCE_SECONDS", 0.0)
    with pytest.raises(ModelUnavailable) as busy:
        client.encode_text("toy@1", ["c"] * MAX_ITEMS, priority="ingest")
    assert busy.value.code == "busy"
    assert busy.value.retry_after_seconds >= 1
    monkeypatch.setattr("retrieval.encoders.client.INGEST_PATIENCE_SECONDS", 30.0)
    threading.Timer(0.5, library.encoder.hold.set).start()
    rows = client.encode_text("toy@1", ["c"] * MAX_ITEMS, priority="ingest")
    assert rows.shape == (MAX_ITEMS, 3), "it came back and was served"
    held.join(30)
    assert client.health()["answers"]["busy"] >= 1


def test_who_waits_for_a_model_being_loaded_keeps_nobody_else_waiting(library, tmp_path):
    library.opening.clear()
    server = ModelServer(ModelStore(library, threads=1), Scheduler())
    with served(server.app(), tmp_path / "m.sock") as path:
        client = ModelClient(path)
        asked = [
            threading.Thread(target=client.encode_text, args=("toy@1", [str(n)])) for n in range(12)
        ]
        for thread in asked:
            thread.start()
        assert client.health()["status"] == "warming"
        assert client.models()[0].loaded is False
        library.opening.set()
        for thread in asked:
            thread.join(30)
        assert library.opened == 1
        while client.health()["status"] != "ok":
            time.sleep(0.01)
        assert client.health()["models"]["toy@1"]["active"]
        client.close()


def test_too_many_bytes_under_way_are_refused_before_they_are_read():
    admission = Admission()

    def request(size_bytes):
        return Request({"type": "http", "headers": [(b"content-length", b"%d" % size_bytes)]})

    with admission.admitted(request(MAX_BODY_BYTES)):
        with (
            pytest.raises(QueueFullError),
            admission.admitted(request(MAX_HELD_BYTES - MAX_BODY_BYTES + 1)),
        ):
            raise AssertionError
        with admission.admitted(request(1000)):
            assert admission.requests == 2
    assert (admission.requests, admission.held_bytes) == (0, 0)
    with admission.admitted(request(MAX_BODY_BYTES)):
        assert admission.held_bytes == MAX_BODY_BYTES


def test_the_socket_is_private_and_goes_with_the_server(library, tmp_path):
    path = tmp_path / "m.sock"
    server = ModelServer(ModelStore(library, threads=1), Scheduler())
    with served(server.app(), path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
