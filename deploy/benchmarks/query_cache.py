"""``deploy/bench query-cache``: what asking again saves, and that nobody sees what others asked."""

from __future__ import annotations

import random

from deploy.benchmarks.appliance import search_texts
from deploy.benchmarks.clone import Clone, own_appliance
from deploy.benchmarks.figures import Figure, percentile
from deploy.credentials import credentials_read
from deploy.paths import Paths

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
    with own_appliance() as clone:
        clone.up()
        return _figures(clone)


def _figures(clone: Clone) -> list[Figure]:
    credentials = credentials_read(Paths(clone.data).credentials)
    first, second = (user["token"] for user in credentials["demo_users"][:2])

    def ask(token: str, text: str) -> float:
        return clone.search(text, token=token)

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
