"""The gap between modalities, on cones whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.encoders.base import unit_rows
from retrieval.gap import centred, centroid, gap_by_retrieval, gap_of


def cone(seed: int, *, shift: float, axis: int, count: int = 400, d: int = 16) -> np.ndarray:
    """Unit rows around ``shift`` times one axis."""
    rows = np.random.default_rng(seed).normal(size=(count, d)) / np.sqrt(d)
    return unit_rows(rows + shift * np.eye(d)[axis])


def test_two_cones_lie_apart_until_they_are_centred():
    gap = gap_of(cone(0, shift=2, axis=0), cone(1, shift=2, axis=1))
    assert gap.distance > 1.0
    assert gap.distance_centred < 0.2
    assert gap.separable > 0.95


def test_one_cone_has_no_gap():
    gap = gap_of(cone(0, shift=1, axis=0), cone(1, shift=1, axis=0))
    assert gap.distance < 0.15
    assert gap.separable < 0.65


@given(st.integers(0, 2**32 - 1), st.floats(0, 3), st.floats(0, 3))
def test_a_gap_is_the_same_from_both_sides(seed, first, second):
    a, b = cone(seed, shift=first, axis=0, count=30), cone(seed + 1, shift=second, axis=1, count=40)
    one, other = gap_of(a, b), gap_of(b, a)
    assert one.distance == pytest.approx(other.distance)
    assert 0 <= one.distance <= 2
    assert 0 <= one.separable <= 1


def test_centred_rows_have_length_one():
    rows = cone(0, shift=1, axis=0)
    left = centred(rows, centroid(rows))
    assert np.allclose(np.linalg.norm(left, axis=1), 1, atol=1e-5)
    with pytest.raises(ValueError, match="no centroid"):
        centroid(np.zeros((0, 4), np.float32))


def test_the_gap_costs_retrieval_what_centring_gives_back():
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(200, 16)) / 4
    # Queries lean towards one gallery item's direction: without centring it wins too often.
    queries = unit_rows(meaning + 0.2 * rng.normal(size=meaning.shape) + 2 * np.eye(16)[0])
    gallery = unit_rows(meaning + 0.2 * rng.normal(size=meaning.shape))
    figures = gap_by_retrieval(queries, gallery, np.eye(200, dtype=bool))
    assert figures["mrr_centred"] > figures["mrr"]
