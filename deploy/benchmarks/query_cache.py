"""``deploy/bench query-cache``: what asking again saves, and that nobody sees what others asked."""

from __future__ import annotations

import http.client
import json
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from deploy.benchmarks.appliance import Clone, free_port, search_texts
from deploy.benchmarks.figures import Figure, percentile
from deploy.credentials import credentials_read
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths

_WARM_UP = 10
_TEXTS = 80
# One half is chance; with 80 texts of each kind, chance alone stays within 0.12 of that 99 times in
# 100 (Mann-Whitney's U: standard deviation sqrt((n + m + 1) / 12nm) = 0.046).
_FURTHEST_FROM_CHANCE = 0.62


def run() -> list[Figure]:
    """Times of a user's searches: asked by nobody before, by another, and by himself.

    Starts an appliance of its own, with its demo users, and removes it afterwards.

    Raises:
        subprocess.CalledProcessError: the appliance did not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitrine-bench-")).resolve()
    clone = Clone(ROOT, folder / "data", free_port())
    try:
        clone.up()
        return _figures(clone)
    finally:
        subprocess.run(
            [str(ROOT / "deploy" / "down"), "--data", str(clone.data)],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        remove_outside(Paths(clone.data))
        shutil.rmtree(folder, ignore_errors=True)


def _figures(clone: Clone) -> list[Figure]:
    credentials = credentials_read(Paths(clone.data).credentials)
    where = urlsplit(credentials["url"])
    first, second = (user["token"] for user in credentials["demo_users"][:2])

    def ask(token: str, text: str) -> float:
        return _milliseconds(where.hostname or "", where.port or 80, token, text)

    dice = random.Random(7)  # noqa: S311 - no secret
    texts = dice.sample(list(search_texts()), _WARM_UP + 2 * _TEXTS)
    for text in texts[:_WARM_UP]:
        ask(second, text)
    known, fresh = texts[_WARM_UP : _WARM_UP + _TEXTS], texts[_WARM_UP + _TEXTS :]
    for text in known:
        ask(first, text)
    # In a random order, so that what the machine does meanwhile meets both alike.
    order = [(text, True) for text in known] + [(text, False) for text in fresh]
    dice.shuffle(order)
    times: dict[bool, list[float]] = {True: [], False: []}
    again = []
    for text, asked_by_another in order:
        times[asked_by_another].append(ask(second, text))
        again.append(ask(second, text))
    ahead = sum(one < other for one in times[True] for other in times[False])
    share = ahead / (len(known) * len(fresh))
    return [
        Figure("asked by nobody before, p50", percentile(times[False], 0.5), "ms"),
        Figure("asked by another before, p50", percentile(times[True], 0.5), "ms"),
        Figure("asked by the same user, p50", percentile(again, 0.5), "ms"),
        # The area under the ROC curve of a guess by time (Mann-Whitney's U over n·m).
        Figure("a guess by time is right", max(share, 1 - share), "", target=_FURTHEST_FROM_CHANCE),
    ]


def _milliseconds(host: str, port: int, token: str, text: str) -> float:
    connection = http.client.HTTPConnection(host, port, timeout=60)
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    began = time.perf_counter()
    try:
        connection.request("POST", "/api/v1/search/", json.dumps({"text": text}), headers)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"a search answered {answer.status}")
    return 1000 * (time.perf_counter() - began)
