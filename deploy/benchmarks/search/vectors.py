"""``deploy/bench search``, the vectors: exact under permission, and fast, at a million rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search.vectors_store import own_database
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths

# torch's threads would go on spinning for 200 ms after each F, on the cores that the next search
# needs; F itself is as fast without.
_AT_REST = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
_ROWS, _QUICK_ROWS = 1_000_000, 50_000
_QUERIES, _QUICK_QUERIES = 40, 10


@dataclass(frozen=True)
class Options:
    """``keep`` names a folder whose database stays, so that building is done once."""

    quick: bool = False
    keep: Path | None = None
    dimensions: tuple[int, ...] = (384, 512)
    skip: tuple[str, ...] = ()


def run(options: Options) -> list[Figure]:
    """Builds where nothing is kept (an hour and a half on two cores), then measures (minutes).

    Raises:
        subprocess.CalledProcessError: the measuring process failed.
    """
    with ExitStack() as stack:
        if options.keep is None:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-bench-"))
            folder = Path(place) / "data"
            stack.callback(remove_outside, Paths(folder))
        else:
            folder = options.keep.resolve()
        environment = stack.enter_context(own_database(folder))
        return _measured(folder, environment, options)


def _measured(folder: Path, environment: dict[str, str], options: Options) -> list[Figure]:
    out = folder / "figures.json"
    arguments = [
        *("--folder", str(folder), "--out", str(out)),
        *("--rows", str(_QUICK_ROWS if options.quick else _ROWS)),
        *("--queries", str(_QUICK_QUERIES if options.quick else _QUERIES)),
    ]
    for dimension in options.dimensions:
        arguments += ["--dimension", str(dimension)]
    for part in options.skip:
        arguments += ["--skip", part]
    subprocess.run(
        [sys.executable, "-m", "deploy.benchmarks.search.vectors_child", *arguments],
        cwd=ROOT,
        env={**os.environ, **_AT_REST, **environment, "DJANGO_SETTINGS_MODULE": "deploy.settings"},
        check=True,
    )
    return [Figure(**one) for one in json.loads(out.read_text(encoding="utf-8"))]
