"""Whether recorded searches, run again from their records, give the same ids in the same order."""

from __future__ import annotations

import itertools
import sys
from statistics import median
from typing import Any

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search.place import own_place
from deploy.benchmarks.search.service import texts

_SEARCHES, _QUICK_SEARCHES = 1_000, 100
_ASSETS, _QUICK_ASSETS = 8_000, 2_000
_COLLECTIONS = 40
_WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"include_uncertain": True},
    {"include_uncertain": True, "top_k": 100},
    {"fusion": "rrf", "include_uncertain": True},
    {"modalities": ["image", "text"], "top_k": 25},
    {"weights": {"lexical": 0.0}, "include_uncertain": True, "top_k": 3},
)


def run(*, quick: bool) -> list[Figure]:
    """Searches of six kinds in an own database, then all of them replayed on the same index.

    Raises:
        subprocess.CalledProcessError, RuntimeError: a server did not start, or a search failed.
    """
    searches = _QUICK_SEARCHES if quick else _SEARCHES
    assets = _QUICK_ASSETS if quick else _ASSETS
    with own_place() as place:
        words = list(itertools.islice(texts(), searches))
        near = [part for text in words[::7][:50] for part in ("--near", text)]
        tokens = place.told("holdings", "--reader", "reader", str(_COLLECTIONS), str(assets), *near)
        place.settle()
        _say(f"{searches} searches over {assets} assets")
        with place.asker() as asker:
            told = [
                asker.ask(tokens["reader"], {"text": text, **way})
                for text, way in zip(words, itertools.cycle(_WAYS), strict=False)
            ]
        hits = sum(len(one["answer"]["hits"]) for one in told)
        _say(f"{hits} hits; the same again from the records")
        found = place.told("replayed")
    if found["records"] != searches:
        raise RuntimeError(f"{found['records']} records of {searches} searches")
    searched = median(one["total_ms"] - one["encode_ms"] for one in told)
    return [
        Figure(
            "replayed the same", found["same"], "", target=float(searches),
            divided_by=f"{searches} recorded searches, {hits} hits", at_least=True,
        ),
        Figure(
            "replay / search, p50", found["median_ms"] / searched, "x",
            divided_by="the search's own time, encoding apart",
        ),
        Figure("kept of a query, mean", found["kept_bytes"], "bytes"),
    ]  # fmt: skip


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
