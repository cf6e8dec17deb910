"""A whole appliance: fifty people who search at once, and searches beside full ingestion."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from deploy.benchmarks.clone import Clone, own_appliance
from deploy.benchmarks.figures import Figure, percentile
from deploy.benchmarks.search.service import texts
from deploy.credentials import credentials_read
from deploy.paths import Paths

_CROWD = 50
_SECONDS, _QUICK_SECONDS = 60.0, 10.0
_WARM_UP = 30
_IDLE_SEARCHES, _QUICK_SEARCHES = 150, 30
_DOCUMENTS, _QUICK_DOCUMENTS = 240, 40
_FIRST_DOCUMENTS = 20  # until every server has loaded what it needs
_PAUSE_SECONDS = 0.1  # between two searches of the one who searches beside ingestion
_LIMIT_SECONDS = 900.0
_POLL_SECONDS = 0.25
_FRESH, _QUICK_FRESH = 12, 4


@dataclass
class Answers:
    """What many searchers were answered: milliseconds, and how many were refused or failed."""

    times: list[float] = field(default_factory=list)
    errors: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def search(self, clone: Clone, text: str) -> None:
        """One search, counted."""
        try:
            took = clone.search(text)
        except (RuntimeError, OSError):
            with self.lock:
                self.errors += 1
            return
        with self.lock:
            self.times.append(took)


def run(*, quick: bool) -> list[Figure]:
    """All figures, on an appliance of its own, over the documents that it takes in first.

    Raises:
        subprocess.CalledProcessError, RuntimeError: it did not start, or an upload was refused.
    """
    with own_appliance() as clone:
        clone.up("--no-demo")
        _own_password(clone)
        words = texts()
        # What is searched is what this ingests first, with nobody searching.
        count = _QUICK_DOCUMENTS if quick else _DOCUMENTS
        _ingested(clone, _FIRST_DOCUMENTS)
        free = _ingested(clone, count)
        for _ in range(_WARM_UP):
            clone.search(next(words))
        figures = _crowd(clone, words, _QUICK_SECONDS if quick else _SECONDS)
        searches = _QUICK_SEARCHES if quick else _IDLE_SEARCHES
        figures += _beside_ingestion(clone, words, count=count, free=free, searches=searches)
        figures += _fresh(clone, _QUICK_FRESH if quick else _FRESH)
        clone.down()
    return figures


def _crowd(clone: Clone, words: Iterator[str], seconds: float) -> list[Figure]:
    answers, lock, until = Answers(), threading.Lock(), time.monotonic() + seconds

    def searching() -> None:
        while time.monotonic() < until:
            with lock:
                text = next(words)
            answers.search(clone, text)

    threads = [threading.Thread(target=searching) for _ in range(_CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    half, most = percentile(answers.times, 0.5), percentile(answers.times, 0.99)
    return [
        Figure(f"searches of {_CROWD} people at once", len(answers.times) / seconds, "/s"),
        Figure("errors among them", answers.errors, "", target=0.0),
        Figure("their p50", half, "ms"),
        Figure("p99 / p50", most / half, "x", target=10.0, divided_by="their p50"),
    ]


def _beside_ingestion(
    clone: Clone, words: Iterator[str], *, count: int, free: float, searches: int
) -> list[Figure]:
    idle = Answers()
    for _ in range(searches):
        idle.search(clone, next(words))
    beside = Answers()
    with _searching(clone, words, beside):
        kept = _ingested(clone, count)
    before, busy = percentile(idle.times, 0.95), percentile(beside.times, 0.95)
    return [
        Figure("search p95, idle", before, "ms"),
        Figure("search p95, beside ingestion", busy, "ms"),
        Figure("p95 beside / idle", busy / before, "x", target=2.0, divided_by="search p95, idle"),
        Figure("errors beside ingestion", idle.errors + beside.errors, "", target=0.0),
        Figure("ingestion, nobody searching", free, "/s"),
        Figure("ingestion beside searches", kept, "/s"),
        Figure(
            "rate kept",
            kept / free,
            "",
            target=0.5,
            divided_by="ingestion, nobody searching",
            at_least=True,
        ),
    ]


@contextmanager
def _searching(clone: Clone, words: Iterator[str], answers: Answers) -> Iterator[None]:
    stop = threading.Event()

    def until_told() -> None:
        while not stop.is_set():
            answers.search(clone, next(words))
            time.sleep(_PAUSE_SECONDS)

    thread = threading.Thread(target=until_told)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _ingested(clone: Clone, count: int) -> float:
    """Documents a second, from the first upload until the last can be found."""
    collection = _collection(clone)
    began = time.monotonic()
    for number in range(count):
        _upload(clone, collection, f"{_sentence(number)} {uuid.uuid4().hex}")
    while (there := _searchable(clone, collection)) < count:
        if time.monotonic() > began + _LIMIT_SECONDS:
            raise RuntimeError(f"{count - there} documents were not ingested in time")
        time.sleep(_POLL_SECONDS)
    return count / (time.monotonic() - began)


def _fresh(clone: Clone, count: int) -> list[Figure]:
    """Milliseconds from an asset's last step, its embedding, to the answer that holds it."""
    collection, waits = _collection(clone), []
    for _ in range(count):
        word = f"zq{uuid.uuid4().hex[:10]}"
        asset = _upload(clone, collection, f"The {word} stands beside the old harbour wall.")
        body = {"text": word, "collections": [collection], "include_uncertain": True}
        limit = time.monotonic() + _LIMIT_SECONDS
        while True:
            found = json.loads(clone.request("POST", "/api/v1/search/", json.dumps(body)))
            seen = time.time()
            if any(hit["asset"]["id"] == asset for hit in found["hits"]):
                break
            if time.monotonic() > limit:
                raise RuntimeError("what was uploaded was never found")
        last = clone.get(f"/api/v1/assets/{asset}/")["provenance"][-1]["at"]
        waits.append(1000 * (seen - datetime.fromisoformat(last).timestamp()))
    return [
        Figure("embedded to found, p50", median(waits), "ms"),
        Figure("embedded to found, most", max(waits), "ms", target=1000.0),
    ]


def _own_password(clone: Clone) -> None:
    """What a first administrator must do before anything else; the token stays."""
    first = credentials_read(Paths(clone.data).credentials)["admin"]["password"]
    body = {"current_password": first, "new_password": secrets.token_urlsafe(24)}
    clone.request("POST", "/api/v1/auth/password/", json.dumps(body))


def _collection(clone: Clone) -> str:
    body = json.dumps({"name": f"Bench {uuid.uuid4().hex[:8]}"})
    made: str = json.loads(clone.request("POST", "/api/v1/collections/", body))["id"]
    return made


def _upload(clone: Clone, collection: str, text: str) -> str:
    border = uuid.uuid4().hex
    body = (
        f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="note.txt"\r\n'
        f"Content-Type: text/plain\r\n\r\n{text}\r\n--{border}--\r\n"
    )
    kind = f"multipart/form-data; boundary={border}"
    answer = clone.request("POST", f"/api/v1/collections/{collection}/assets/", body, kind=kind)
    asset: str = json.loads(answer)["id"]
    return asset


def _searchable(clone: Clone, collection: str) -> int:
    count: int = clone.get(f"/api/v1/assets/?collection={collection}&state=searchable")["count"]
    return count


def _sentence(number: int) -> str:
    return f"Note {number}: the gate by the river was painted green and the boats were counted."
