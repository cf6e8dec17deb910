"""The model server over its socket, asked as web and workers ask it; models are fakes."""

import threading

import numpy as np
import pytest

from retrieval.encoders.client import ModelClient, ModelRefused, ModelUnavailable
from tests.workers.serving import served
from workers.model_server.app import MAX_ITEMS, ModelServer
from workers.model_server.scheduler import Scheduler
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

    def found(self):
        return [TOY]

    def open(self, ref):
        if ref != "toy@1":
            raise ModelRefusal("bundle-changed", "A file is not what the manifest says.")
        self.opened += 1
        return Opened(TOY, {"text": self.encoder, "image": self.encoder})

    def probe(self, description, modality):
        return "probe" if modality == "text" else None


@pytest.fixture
def library():
    return FakeLibrary()


@pytest.fixture
def client(library, tmp_path):
    server = ModelServer(ModelStore(library, threads=1), Scheduler(), warm_ref="toy@1")
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


def test_the_socket_is_private_and_goes_with_the_server(library, tmp_path):
    path = tmp_path / "m.sock"
    server = ModelServer(ModelStore(library, threads=1), Scheduler())
    with served(server.app(), path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
