"""Away from home: the fall of recall among equally many things."""

from __future__ import annotations

import numpy as np

from retrieval.encoders.base import unit_rows
from retrieval.evaluation.cases import Case, Things
from retrieval.evaluation.domain import domain_fall


def case(things: int, noise: float, *, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    media = unit_rows(rng.normal(size=(things, 24)))
    said = unit_rows(media + noise * rng.normal(size=media.shape))
    return Case("text", "image", said, Things.single(media), np.eye(things) > 0, np.arange(things))


def test_a_model_that_understands_less_elsewhere_falls() -> None:
    found = domain_fall([case(200, 0.2, seed=1)], [case(120, 2.0, seed=2)], None, labelled=False)
    pair = found["pairs"]["text-image"]
    assert (pair["things"], pair["queries"], pair["figure"]) == (120, [120, 120], "recall@10")
    assert pair["home"] > pair["away"]
    assert pair["fall"]["low"] > 0
    assert "calibration" not in found


def test_more_things_alone_are_no_fall() -> None:
    found = domain_fall([case(400, 1.0, seed=6)], [case(100, 1.0, seed=7)], None, labelled=False)
    fall = found["pairs"]["text-image"]["fall"]
    assert fall["low"] < 0 < fall["high"]


def test_pairs_that_only_one_has_are_left_out() -> None:
    there = Case(
        "text",
        "audio",
        *(getattr(case(9, 0.1, seed=5), n) for n in ("queries", "targets", "right", "groups")),
    )
    assert domain_fall([case(9, 0.1, seed=5)], [there], None, labelled=True) == {"pairs": {}}
