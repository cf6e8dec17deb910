"""The figures of ``deploy/bench audit``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.benchmarks.audit import crashing, searching
from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search.place import own_place
from deploy.benchmarks.search.vectors_store import own_database
from deploy.paths import ROOT

ENTRIES = 1_000_000
PARTS = ("ledger", "crash", "cost")
_SEARCHES, _QUICK_SEARCHES = 500, 100
_RATE = 60_000.0


def run(parts: list[str], *, entries: int = ENTRIES, quick: bool = False) -> list[Figure]:
    """The figures of the parts that were asked for, or of all.

    Raises:
        subprocess.CalledProcessError, RuntimeError: something did not start or failed.
    """
    asked = parts or list(PARTS)
    figures: list[Figure] = []
    if "crash" in asked:
        figures += crashing.figures()
    if "cost" in asked:
        with own_place() as place:
            figures += searching.figures(place, searches=_QUICK_SEARCHES if quick else _SEARCHES)
    if "ledger" in asked:
        with crashing.own_folder() as folder, own_database(folder) as environment:
            figures += _ledger(folder, environment, entries // 10 if quick else entries)
    return figures


def _ledger(folder: Path, environment: dict[str, str], entries: int) -> list[Figure]:
    answer = subprocess.run(
        [sys.executable, "-m", "deploy.benchmarks.audit.ledger", "--entries", str(entries),
         "--folder", str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True,
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "deploy.settings",
             "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    found = json.loads(answer.stdout.splitlines()[-1])
    return [*_verified(found), *_found(found["changes"])]


def _verified(found: dict[str, Any]) -> list[Figure]:
    built, inside, outside = found["built"], found["inside"], found["outside"]
    entries = built["entries"]
    whole = "CPU seconds of the process"
    return [
        Figure("entries", inside["entries"], "", target=entries, at_least=True),
        Figure("checkpoints", built["checkpoints"], ""),
        Figure("record", entries / built["record_seconds"], "/s"),
        Figure("chain", entries / built["chain_seconds"], "/s"),
        Figure(
            "checkpoint of 10,000", 1000 * built["checkpoint_seconds"] / built["checkpoints"], "ms"
        ),
        Figure("both verifiers agree: sound", inside["ok"] and outside["ok"], "", 1, at_least=True),
        Figure(
            "ledger verify, a core",
            inside["entries"] / inside["cpu"],
            "/s",
            _RATE,
            whole,
            at_least=True,
        ),
        Figure(
            "the same, the database's core too",
            inside["entries"] / (inside["cpu"] + inside["database_cpu"]),
            "/s",
            _RATE,
            f"{whole} and of its database backend",
            at_least=True,
        ),
        Figure(
            "vitrine_verify, a core",
            outside["entries"] / outside["cpu"],
            "/s",
            _RATE,
            whole,
            at_least=True,
        ),
        Figure("export", outside["entries"] / outside["export_seconds"], "/s"),
        Figure("export, an entry", outside["bytes"] / outside["entries"], "bytes"),
    ]


def _found(changes: list[dict[str, Any]]) -> list[Figure]:
    """``named`` counts where both name the number itself, or the few that it is one of.

    A chain that was worked out anew from some entry on is sound in itself: only the checkpoints
    on both sides of that entry say where it begins.
    """
    detected = sum(one["status"] == [1, 1] for one in changes)
    agreed = sum(len(set(one["first_bad"])) == 1 for one in changes)
    exact = sum(one["first_bad"] == [one["planted"]] * 2 for one in changes)
    bounded = sum(
        all(
            since is not None and since <= one["planted"] <= bad
            for since, bad in zip(one["since"], one["first_bad"], strict=True)
        )
        for one in changes
    )
    number = len(changes)
    return [
        Figure("changes planted", number, ""),
        Figure("found by both", 100 * detected / number, "%", target=100, at_least=True),
        Figure("both name the same number", 100 * agreed / number, "%", target=100, at_least=True),
        Figure("it is the first bad one", exact, f"of {number}"),
        Figure("or lies in the range named", bounded, f"of {number}", number, at_least=True),
    ]
