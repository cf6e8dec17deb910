"""The real process with the real starter bundle."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders import bundle
from retrieval.encoders.active import active_write
from retrieval.encoders.client import ModelClient, ModelRefused, ModelUnavailable
from retrieval.saliency.base import DEFAULT
from retrieval.saliency.words import word_spans

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    path = tmp_path_factory.mktemp("m") / "m.sock"
    command = [sys.executable, "-m", "workers.model_server", "--socket", str(path)]
    process = subprocess.Popen(
        [*command, "--models", str(path.parent), "--threads", "1", "--idle-minutes", "0.01"],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    client = ModelClient(path)
    try:
        _await(client, process)
        yield process, client, path
    finally:
        client.close()
        process.kill()
        process.wait()


def _await(client, process):
    """Loading torch takes seconds, on a machine that is busy minutes."""
    deadline = time.monotonic() + 500
    while True:
        try:
            client.health(timeout_seconds=60)
        except ModelUnavailable:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


def test_it_says_what_carries_a_match(process):
    _, client, _ = process
    ref = bundle.manifest_read(bundle.BUILTIN).ref
    (query,) = client.encode_text(ref, ["a brown bear"])
    text = "Costs of the second quarter. Then a bear came. Nothing else was said."
    found = {
        method: client.saliency(ref, "text", text, query, method=method)
        for method in (None, "occlusion", "gradient")
    }
    words = [text[start:end] for start, end in word_spans(text)]
    for method, one in found.items():
        assert one.method == (method or DEFAULT["text"])
        assert words[int(one.values.argmax())] == "bear"
        assert one.similarity == pytest.approx(
            float(client.encode_text(ref, [text])[0] @ query), abs=2e-3
        )
    noise = np.random.default_rng(2)
    picture = noise.integers(0, 255, (64, 96, 3), dtype=np.uint8)
    assert client.saliency(ref, "image", picture, query).values.shape == (8, 8)
    wave = noise.normal(0, 0.1, 32_000).astype(np.float32)
    heard = client.saliency(ref, "audio", wave, query, rate=32_000, method="gradient")
    assert heard.values.shape == (6, 10)
    for wrong in (
        {"model": "other@1"},
        {"modality": "smell"},
        {"item": "?!"},
        {"query": query[:8]},
        {"method": "guess"},
    ):
        asked = {"model": ref, "modality": "text", "item": text, "query": query, **wrong}
        with pytest.raises(ModelRefused):
            client.saliency(**asked)


def test_each_tower_of_the_starter_embeds_into_one_space(process):
    _, client, _ = process
    ref = bundle.manifest_read(bundle.BUILTIN).ref
    model = next(model for model in client.models() if model.ref == ref)
    noise = np.random.default_rng(1)
    inputs = {
        "image": [noise.integers(0, 255, (64, 96, 3), dtype=np.uint8)],
        "audio": [noise.normal(0, 0.1, model.input["audio"]["sample_rate"]).astype(np.float32)],
    }
    rows = [client.encode_text(ref, ["a dog", "a dog"])]
    rows += [client.encode_arrays(ref, word, items) for word, items in inputs.items()]
    for found in rows:
        assert found.shape[1] == model.dimension
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-4)
    np.testing.assert_allclose(rows[0][0], rows[0][1], atol=1e-6)


def test_an_idle_model_gives_its_memory_back_and_is_there_again_when_asked(process):
    _, client, path = process
    ref = bundle.manifest_read(bundle.BUILTIN).ref
    before, held = client.encode_text(ref, ["a dog"]), client.health()
    weights = held["models"][ref]["resident_bytes"]
    assert held["models"][ref]["active"]
    assert weights > 20_000_000
    active_write(path.parent, [])  # another version was promoted
    while client.health()["loaded"]:
        time.sleep(0.2)
    # Most of it: what was mapped from files is not the allocator's. The test's time limit ends what
    # never comes.
    while client.health()["memory"]["resident"] > held["memory"]["resident"] - 0.6 * weights:
        time.sleep(0.2)
    again = client.encode_text(ref, ["a dog"])
    np.testing.assert_allclose(again, before, atol=1e-6)


def test_a_second_server_leaves_the_first_alone(process):
    _, client, path = process
    second = subprocess.run(
        [sys.executable, "-c", _CLAIM, str(path)], capture_output=True, check=False, timeout=300
    )
    assert second.returncode == 7
    assert client.health()["status"] in {"ok", "warming"}


_CLAIM = """
import pathlib, sys
from workers import uds
try:
    with uds.listening(pathlib.Path(sys.argv[1])):
        pass
except uds.SocketTakenError:
    sys.exit(7)
"""


def test_sigterm_ends_it_and_takes_the_socket_away(process):
    running, _, path = process
    running.send_signal(signal.SIGTERM)
    assert running.wait(300) == 0
    assert not path.exists()
