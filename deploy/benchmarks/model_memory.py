"""``deploy/bench memory``: what a large model costs the whole appliance, at 1 and 8 workers.

An appliance of its own, without the demo, on ViT-B-32 with random weights in float32, untuned, so
that a second copy anywhere would show. Photographs are imported, so that every worker has done its
work once; then the model is loaded and used, and what that added is compared with its weights.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np

from deploy.benchmarks.clone import Clone, own_appliance
from deploy.benchmarks.figures import Figure
from deploy.benchmarks.memory import pss_by_name
from deploy.paths import ROOT, Paths
from deploy.setup.preflight import GIB
from deploy.supervisor.state import read_running
from retrieval.encoders.client import ModelClient

_WORKERS = (1, 8)
_COPIES = 1.25  # the project's target
_PHOTOS = 24
_REF = "bench-clip@1"
_REASON = "random weights, for a benchmark"
_REST_SECONDS = 5.0
_CHECKPOINT = """
import json, sys
from pathlib import Path
from retrieval.encoders.torchvision_compat import declare_missing_operators
declare_missing_operators()
import open_clip
from safetensors.torch import save_file
folder = Path(sys.argv[1])
model = open_clip.create_model("ViT-B-32")
state = {name: value.contiguous().clone() for name, value in model.state_dict().items()}
save_file(state, str(folder / "vit.safetensors"))
print(sum(value.numel() * value.element_size() for value in model.parameters()))
"""


def run() -> list[Figure]:
    """All figures; the appliance is removed afterwards.

    Raises:
        subprocess.CalledProcessError, RuntimeError: it did not start, or a command failed.
    """
    with own_appliance() as clone:
        clone.up("--no-demo")
        weights = _bundle(clone)
        clone.down()
        figures = [Figure("one copy of the weights", weights / GIB, "GB")]
        for workers in _WORKERS:
            figures += _measured(clone, workers, weights)
    return figures


def _measured(clone: Clone, workers: int, weights: int) -> list[Figure]:
    clone.up("--no-demo", VITRINE_INGESTION_WORKERS=str(workers))
    if workers == _WORKERS[0]:
        clone.manage("models", "install", str(clone.folder / "bundle"), *_INSTALL)
        clone.request("POST", "/api/v1/collections/", json.dumps({"name": "bench"}))
    photos = clone.folder / f"photos-{workers}"
    photos.mkdir()
    found = sorted((ROOT / "deploy" / "demo" / "items" / "photos").glob("*.jpg"))
    start = workers % len(found)  # other ones each time: what is there already is not taken again
    for photo in found[start : start + _PHOTOS]:
        shutil.copy(photo, photos)
    clone.manage("import", "bench", str(photos))
    time.sleep(_REST_SECONDS)
    before, _ = _pss(clone)
    _use(clone)
    time.sleep(_REST_SECONDS)
    after, server = _pss(clone)
    clone.down()
    copies = (after - before) / weights
    return [
        Figure(f"PSS before it is loaded, {workers} workers", before / GIB, "GB"),
        Figure(f"PSS with it, {workers} workers", after / GIB, "GB"),
        Figure("  of it the model server", server / GIB, "GB"),
        Figure(
            f"copies of the weights, {workers} workers",
            copies,
            "x",
            target=_COPIES,
            divided_by="PSS added by loading and using it, by one copy of the weights",
        ),
    ]


_INSTALL = ("--unsigned", "--reason", _REASON, "--no-tune")


def _bundle(clone: Clone) -> int:
    """Bytes of one copy of the weights, once the bundle lies in the clone's folder."""
    folder = clone.folder
    done = subprocess.run(
        [sys.executable, "-c", _CHECKPOINT, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    name, version = _REF.split("@")
    words = ["--out", str(folder / "bundle"), "--name", name, "--version", version]
    words += ["--architecture", "ViT-B-32", "--licence", "none"]
    clone.manage("models", "convert", str(folder / "vit.safetensors"), *words)
    return int(done.stdout.split()[-1])


def _use(clone: Clone) -> None:
    """Texts and pictures through both towers, as queries and as ingestion send them."""
    client = ModelClient(Paths(clone.data).model_socket)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (300, 400, 3), dtype=np.uint8) for _ in range(32)]
    client.encode_text(_REF, ["a dog in the snow"], priority="ingest")
    client.encode_arrays(_REF, "image", pictures, priority="ingest")
    client.encode_text(_REF, ["a dog", "two people near a boat"], priority="query")


def _pss(clone: Clone) -> tuple[int, int]:
    """Bytes of the whole appliance, and of the model server."""
    running = read_running(Paths(clone.data))
    if running is None:
        raise RuntimeError("the appliance has stopped meanwhile")
    sizes = pss_by_name(running.pid)
    server = sum(size for name, size in sizes.items() if "model_server" in name)
    return sum(sizes.values()), server
