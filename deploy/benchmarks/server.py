"""Our model server beside LitServe: the starter's text tower under the same load, in turns.

LitServe is no requirement of the appliance and is never installed from here: without ``--litserve
DIR``, made by ``pip install --target DIR litserve``, only ours is measured, and the output says so.
"""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import numpy as np

from deploy.benchmarks.figures import Figure, percentile
from deploy.benchmarks.memory import pss_by_name
from deploy.paths import ROOT
from retrieval.encoders import bundle
from retrieval.encoders.client import ModelClient, ModelUnavailable, Priority

ROUNDS = 2
_INGESTERS = 4
_TEXTS_A_REQUEST = 16
_INGESTED_WORDS = 40
_QUERY_WORDS = 6
_CROWD = 16
# Of each kind of load; what is asked last is waited for.
_SECONDS = 8.0
_START_SECONDS = 300.0
_MB = 1024 * 1024
_WORDS = (
    *("a", "bear", "stands", "in", "high", "grass", "beside", "the", "river", "while"),
    *("two", "birds", "fly", "over", "old", "stones"),
)

Ask = Callable[[list[str], str], None]


@dataclass(frozen=True)
class Up:
    """A running server: texts and lane in; ``fill`` tells the mean items of its batches."""

    pid: int
    ask: Ask
    fill: Callable[[], float]


@dataclass
class Measured:
    """One server's figures, a value a round."""

    alone_ms: list[float] = field(default_factory=list)
    alone_p95_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)
    beside_p95_ms: list[float] = field(default_factory=list)
    ingested: list[float] = field(default_factory=list)
    crowd: list[float] = field(default_factory=list)
    fill: list[float] = field(default_factory=list)
    pss_mb: list[float] = field(default_factory=list)


def run(*, litserve: Path | None) -> list[Figure]:
    """Figures of both, medians over the rounds, and the ratios.

    Raises:
        RuntimeError: a server did not start.
    """
    servers: dict[str, Callable[[Path], AbstractContextManager[Up]]] = {"ours": _ours}
    if litserve is None:
        print("No --litserve DIR is given, so only our own server is measured.", flush=True)
    else:
        servers["litserve"] = lambda _: _litserve(litserve)
    found = {name: Measured() for name in servers}
    for number in range(ROUNDS):
        for name, start in servers.items():
            with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as up:
                _measure(up, found[name])
            values = {what: round(each[-1], 1) for what, each in vars(found[name]).items()}
            print(f"round {number + 1} of {ROUNDS}: {name} {values}", flush=True)
    figures = [figure for name, one in found.items() for figure in _figures(name, one)]
    return figures + _ratios(found)


def _figures(name: str, one: Measured) -> list[Figure]:
    rows = (
        ("query alone, p50", one.alone_ms, "ms"),
        ("query alone, p95", one.alone_p95_ms, "ms"),
        ("query beside ingestion, p50", one.beside_ms, "ms"),
        ("query beside ingestion, p95", one.beside_p95_ms, "ms"),
        ("ingestion beside queries", one.ingested, "text/s"),
        (f"{_CROWD} users at once", one.crowd, "text/s"),
        ("items a batch, in all", one.fill, ""),
        ("memory (PSS)", one.pss_mb, "MB"),
    )
    return [Figure(f"{name}: {what}", median(values), unit) for what, values, unit in rows]


def _ratios(found: dict[str, Measured]) -> list[Figure]:
    if len(found) == 1:
        return []
    ours, other = found["ours"], found["litserve"]
    pairs = (
        ("query alone, p50", ours.alone_ms, other.alone_ms),
        ("query beside ingestion, p95", ours.beside_p95_ms, other.beside_p95_ms),
        ("memory", ours.pss_mb, other.pss_mb),
    )
    return [
        Figure(f"ours/litserve: {what}", median(mine) / median(theirs), "")
        for what, mine, theirs in pairs
    ]


def _measure(up: Up, found: Measured) -> None:
    ask = up.ask
    for number in range(5):
        ask([_text(number, _QUERY_WORDS)], "query")
    alone = _queries(ask)
    found.alone_ms.append(percentile(alone, 0.5))
    found.alone_p95_ms.append(percentile(alone, 0.95))
    with _busy(_ingesting(ask), _INGESTERS) as done:
        time.sleep(1.0)
        before, began = sum(done), time.monotonic()
        beside = _queries(ask, pause_seconds=0.1)
        found.ingested.append((sum(done) - before) / (time.monotonic() - began))
    found.beside_ms.append(percentile(beside, 0.5))
    found.beside_p95_ms.append(percentile(beside, 0.95))
    with _busy(_asking(ask), _CROWD) as done:
        time.sleep(1.0)
        before, began = sum(done), time.monotonic()
        time.sleep(_SECONDS)
        found.crowd.append((sum(done) - before) / (time.monotonic() - began))
    found.fill.append(up.fill())
    found.pss_mb.append(sum(pss_by_name(up.pid).values()) / _MB)


def _queries(ask: Ask, *, pause_seconds: float = 0.0) -> list[float]:
    """Milliseconds of single texts, one after the other."""
    times: list[float] = []
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        began = time.perf_counter()
        ask([_text(len(times), _QUERY_WORDS)], "query")
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(pause_seconds)
    return times


def _ingesting(ask: Ask) -> Callable[[int], int]:
    def once(number: int) -> int:
        ask([_text(number + n, _INGESTED_WORDS) for n in range(_TEXTS_A_REQUEST)], "ingest")
        return _TEXTS_A_REQUEST

    return once


def _asking(ask: Ask) -> Callable[[int], int]:
    def once(number: int) -> int:
        ask([_text(number, _QUERY_WORDS)], "query")
        return 1

    return once


@contextmanager
def _busy(once: Callable[[int], int], threads: int) -> Iterator[list[int]]:
    """``threads`` that repeat ``once``; how much each has done so far."""
    done, over = [0] * threads, threading.Event()

    def work(index: int) -> None:
        number = 1000 * index
        while not over.is_set():
            done[index] += once(number)
            number += 1

    running = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield done
    finally:
        over.set()
        for thread in running:
            thread.join()


def _text(number: int, words: int) -> str:
    """Some words, of another order for each number."""
    order = np.random.default_rng(number).integers(0, len(_WORDS), words)
    return " ".join(_WORDS[index] for index in order)


def _threads() -> int:
    return len(os.sched_getaffinity(0))


@contextmanager
def _ours(folder: Path) -> Iterator[Up]:
    path = folder / "m.sock"
    ref = bundle.manifest_read(bundle.BUILTIN).ref
    client = ModelClient(path)

    def ask(texts: list[str], lane: str) -> None:
        priority: Priority = "query" if lane == "query" else "ingest"
        client.encode_text(ref, texts, priority=priority)

    def fill() -> float:
        health = client.health()
        return float(sum(health["items"].values()) / sum(health["batches"].values()))

    command = ["workers.model_server", "--socket", str(path), "--threads", str(_threads())]
    with _process(command) as pid:
        _wait(lambda: client.health(timeout_seconds=2)["status"] == "ok", ModelUnavailable)
        yield Up(pid, ask, fill)
    client.close()


@contextmanager
def _litserve(installed: Path) -> Iterator[Up]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, trust_env=False)
    dimension = bundle.manifest_read(bundle.BUILTIN).dimension
    fills = [0.0]

    def ask(texts: list[str], lane: str) -> None:
        del lane  # it knows no priorities
        answer = client.post("/predict", json={"texts": texts})
        answer.raise_for_status()
        rows = np.frombuffer(base64.b64decode(answer.json()["rows"]), np.float32)
        if rows.reshape(-1, dimension).shape[0] != len(texts):
            raise RuntimeError("LitServe answered with another number of vectors")
        fills.append(float(answer.json()["fill"]))

    command = ["deploy.benchmarks.litserve_app", str(port), str(_threads())]
    # Behind our own packages, so that it is served by the same versions of what both use.
    with _process(command, also=installed) as pid:
        _wait(lambda: client.get("/health").status_code == httpx.codes.OK, httpx.TransportError)
        yield Up(pid, ask, lambda: fills[-1])
    client.close()


def _wait(ready: Callable[[], bool], not_yet: type[Exception]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except not_yet:
            pass
        time.sleep(0.2)
    raise RuntimeError("a server did not start")


@contextmanager
def _process(module: list[str], *, also: Path | None = None) -> Iterator[int]:
    """The id of ``python -m`` in a session of its own, which is ended as a whole."""
    env = {**os.environ, "OMP_NUM_THREADS": str(_threads()), "HF_HUB_OFFLINE": "1"}
    if also is not None:
        env["VITRINE_LITSERVE"] = str(also)
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env=env,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
