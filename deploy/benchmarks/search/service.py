"""What stands around encoding and the vector search: its time, its statements, and two spaces."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from statistics import median
from typing import Any

from deploy.benchmarks.appliance import search_texts
from deploy.benchmarks.figures import Figure, percentile
from deploy.benchmarks.search.place import Asker, Place, own_place

_HELD = (1, 100, 10_000)
_ASSETS = 2_000
_WARM_UP = 25
_SEARCHES, _QUICK_SEARCHES = 300, 60
_TWO_SPACES_ASSETS, _QUICK_ASSETS = 30_000, 8_000
_ONE_SPACE = ("starter", "second")


def run(*, quick: bool) -> list[Figure]:
    """All figures, in a database of their own.

    Raises:
        subprocess.CalledProcessError, RuntimeError: a server did not start, or a search failed.
    """
    searches = _QUICK_SEARCHES if quick else _SEARCHES
    with own_place() as place:
        held = _HELD[:2] if quick else _HELD
        figures = _around(place, held, searches)
        figures += _two_spaces(place, _QUICK_ASSETS if quick else _TWO_SPACES_ASSETS, searches)
    return figures


def texts() -> Iterator[str]:
    """Words to search for, without end and never the same twice."""
    for turn in count():
        for text in search_texts():
            yield f"{text} {turn}" if turn else text


def asked(asker: Asker, token: str, searches: int, **body: Any) -> list[dict[str, Any]]:
    """What as many searches in different words took, after some that are not counted."""
    words = texts()
    told = [
        asker.ask(token, {"text": next(words), "include_uncertain": True, **body})
        for _ in range(_WARM_UP + searches)
    ]
    return told[_WARM_UP:]


def _around(place: Place, held: tuple[int, ...], searches: int) -> list[Figure]:
    figures: list[Figure] = []
    readers = [word for n in held for word in ("--reader", f"reader{n}", str(n), str(_ASSETS))]
    tokens = place.told("holdings", "--worded", str(_ASSETS), *readers)
    place.settle()
    counted = set()
    for number in held:
        _say(f"one search over {number} collections")
        with place.asker() as asker:
            told = asked(asker, tokens[f"reader{number}"], searches)
        around = [one["total_ms"] - one["encode_ms"] - one["vector_ms"] for one in told]
        vector = median(one["vector_ms"] for one in told)
        statements = max(one["statements"] for one in told)
        counted.add(statements)
        name = f"{number:,} collections"
        figures += [
            Figure(f"around, p50, {name}", median(around), "ms", target=8.0),
            Figure(f"around, p95, {name}", percentile(around, 0.95), "ms"),
            Figure(f"vector search, p50, {name}", vector, "ms"),
            Figure(f"statements, {name}", statements, "", target=8.0),
        ]
    figures.append(
        Figure(
            "statements, most / fewest",
            max(counted) / min(counted),
            "x",
            target=1.0,
            divided_by=f"statements at the fewest of {', '.join(f'{n:,}' for n in held)}",
        )
    )
    return figures


def _two_spaces(place: Place, assets: int, searches: int) -> list[Figure]:
    _say(f"two spaces, {assets} rows in each")
    tokens = place.told("holdings", "--second-space", "--reader", "both", "20", str(assets))
    place.settle()
    took: dict[str, list[float]] = {name: [] for name in (*_ONE_SPACE, "both")}
    with place.asker() as asker:
        words = texts()
        # In turns, so that whatever the machine does meanwhile meets all three alike.
        for number in range(_WARM_UP + searches):
            for name, spent in took.items():
                # Words alone would find without any space: left out, what is compared is spaces.
                weights = {other: 0.0 for other in (*_ONE_SPACE, "lexical") if other != name}
                if name == "both":
                    weights = {"lexical": 0.0}
                body = {"text": next(words), "include_uncertain": True, "weights": weights}
                told = asker.ask(tokens["both"], body)
                if number >= _WARM_UP:
                    spent.append(told["total_ms"] - told["encode_ms"])
    half = {name: median(spent) for name, spent in took.items()}
    slower = max(half[name] for name in _ONE_SPACE)
    return [
        *(Figure(f"search of {name}, p50", half[name], "ms") for name in took),
        Figure(
            "two spaces fused / the slower",
            half["both"] / slower,
            "x",
            target=1.3,
            divided_by="the slower space's search, encoding apart",
        ),
    ]


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
