"""Whether somebody's answers, or their times, tell anything of what others hold.

Two databases hold the same rows of one reader. In the second there is another tenant as well, whose
rows crowd round everything that the reader asks for: in the same shard, in the same modalities,
in the same words, and in a shard of their own besides.
"""

from __future__ import annotations

import random
import sys
from itertools import islice
from statistics import median
from typing import Any

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search.place import Asker, Place, own_place
from deploy.benchmarks.search.service import texts

_WARM_UP = 40
_PAIRS, _QUICK_PAIRS = 2_000, 40
_WORDS = 24  # that the reader asks for, again and again
_MINE, _QUICK_MINE = 600, 100
_THEIRS, _QUICK_THEIRS = 8_000, 1_000
_DEDICATED, _QUICK_DEDICATED = 20_000, 1_000
_WORDED = 3_000  # of each holder's assets, found by literal words as well
_TWIN = "vitrine_twin"
_SWAPS = 2  # a process serves each database this often, so that no process' own pace shows


def run(*, quick: bool) -> list[Figure]:
    """All figures, in databases of their own.

    Raises:
        subprocess.CalledProcessError, RuntimeError: a server did not start, or a search failed.
    """
    words = list(islice(texts(), _WORDS))
    near = ["--worded", str(_WORDED), *(word for text in words for word in ("--near", text))]
    with own_place() as place:
        tokens = place.told(
            "holdings", *near, "--reader", "mine", "7", str(_QUICK_MINE if quick else _MINE)
        )
        place.settle()
        full = place.copied(_TWIN)
        _say("filling the other tenant's collections")
        full.told(
            "holdings",
            *(*near, "--reader", "theirs", "40", str(_QUICK_THEIRS if quick else _THEIRS)),
            *("--reader", "alone", "1", str(_QUICK_DEDICATED if quick else _DEDICATED)),
        )
        full.manage("vectors", "dedicate", "alone 0")
        full.settle()
        return _compared(place, full, tokens["mine"], words, _QUICK_PAIRS if quick else _PAIRS)


def _compared(empty: Place, full: Place, token: str, words: list[str], pairs: int) -> list[Figure]:
    _say(f"{pairs} pairs of searches")
    dice = random.Random(11)  # noqa: S311 - no secret
    times: dict[bool, list[float]] = {False: [], True: []}
    apart: list[float] = []
    same = compared = 0
    turns = 2 * _SWAPS
    for turn in range(turns):
        # The processes that ask are new each time, and the one started first serves each in turn.
        order = [empty, full] if turn % 2 else [full, empty]
        with order[0].asker() as first, order[1].asker() as second:
            askers = {order[0] is full: first, order[1] is full: second}
            for number in range(_WARM_UP + pairs // turns):
                body = {"text": words[number % len(words)], "include_uncertain": number % 3 > 0}
                told = _pair(askers, token, body, dice)
                if number < _WARM_UP:
                    continue
                compared += 1
                same += _plain(told[False]["answer"]) == _plain(told[True]["answer"])
                for which, one in told.items():
                    times[which].append(one["total_ms"])
                apart.append(told[True]["total_ms"] - told[False]["total_ms"])
    alone, beside = median(times[False]), median(times[True])
    return [
        Figure("pairs of searches", compared, ""),
        Figure(
            "same body, score and order",
            same / compared,
            "",
            target=1.0,
            divided_by="pairs of searches",
            at_least=True,
        ),
        Figure("p50, others hold nothing", alone, "ms"),
        Figure("p50, others' rows all around", beside, "ms"),
        Figure("difference of the medians", abs(beside - alone), "ms", target=1.0),
        Figure("median difference of a pair", median(apart), "ms"),
    ]


def _pair(
    askers: dict[bool, Asker], token: str, body: dict[str, Any], dice: random.Random
) -> dict[bool, dict[str, Any]]:
    """One search in each database, in a random order."""
    order = [False, True] if dice.random() < 0.5 else [True, False]  # noqa: PLR2004  (a coin)
    return {which: askers[which].ask(token, body) for which in order}


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what no two searches have in common: its id and its time."""
    return {key: value for key, value in answer.items() if key not in {"search_id", "timing_ms"}}


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
