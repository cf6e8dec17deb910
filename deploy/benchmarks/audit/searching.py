"""What the record of a search costs a search: with and without it, in turns, in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import fmean, median

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search.place import Place
from deploy.benchmarks.search.service import texts
from deploy.paths import ROOT

_ASSETS = 20_000
_COLLECTIONS = 20
_WARM_UP = 30
_TRIMMED = 0.05  # of the slowest, which are others' doing on a shared machine
# Words to vector in the model server's starter bundle, p50 alone on two cores: what the stand-in
# leaves out. Printed with the figure; ``deploy/bench encode`` measures it.
TARGET = 0.05


def figures(place: Place, *, searches: int) -> list[Figure]:
    """The share of a search that its record takes, encoding left out.

    Raises:
        RuntimeError: a search failed.
    """
    token = place.told("holdings", "--reader", "auditee", str(_COLLECTIONS), str(_ASSETS))[
        "auditee"
    ]
    place.settle()
    took: dict[bool, list[float]] = {True: [], False: []}
    environment = {
        **os.environ,
        **place.environment,
        "DJANGO_SETTINGS_MODULE": "deploy.settings",
        "OMP_NUM_THREADS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.benchmarks.audit.asked"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no standard input or output")
        words = texts()
        for number in range(2 * (_WARM_UP + searches)):
            # In turns, and either first in half of the pairs.
            audited = (number % 2 == 0) == (number // 2 % 2 == 0)
            body = {"text": next(words), "include_uncertain": True, "audited": audited}
            process.stdin.write(json.dumps({"token": token, "body": body}) + "\n")
            process.stdin.flush()
            told = json.loads(process.stdout.readline())
            if told["status"] != 200:  # noqa: PLR2004  (HTTP: fine)
                raise RuntimeError(f"a search was answered with {told['status']}")
            if number >= 2 * _WARM_UP:
                took[audited].append(told["total_ms"])
        process.stdin.close()
    with_it, without = _mean(took[True]), _mean(took[False])
    return [
        Figure("search with its record, p50", median(took[True]), "ms"),
        Figure("search without it, p50", median(took[False]), "ms"),
        Figure(
            "throughput that auditing costs",
            100 * (with_it - without) / with_it,
            "%",
            target=100 * TARGET,
            divided_by=f"a whole search over {_ASSETS:,} assets but for encoding the words",
        ),
    ]


def _mean(times: list[float]) -> float:
    ordered = sorted(times)
    return fmean(ordered[: round(len(ordered) * (1 - _TRIMMED))])
