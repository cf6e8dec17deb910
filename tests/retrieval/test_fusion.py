from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fusion import LEXICAL, RRF_K, Signal, fuse

A, B, C = (uuid.UUID(int=n) for n in (1, 2, 3))


def signal(
    asset, calibrated, *, segment=None, space="s", target="image", similarity=None, weight=1.0
):
    return Signal(
        space=space,
        model=f"{space}@1",
        query_modality="text",
        target_modality=target,
        asset_id=asset,
        segment_id=asset.int * 100 if segment is None else segment,
        similarity=calibrated if similarity is None else similarity,
        calibrated=calibrated,
        threshold=0.5,
        weight=weight,
    )


def test_calibrated_probabilities_decide_whatever_the_similarities():
    fused = fuse([signal(A, 0.6, similarity=0.9), signal(B, 0.9, similarity=0.2, target="audio")])
    assert [f.asset_id for f in fused] == [B, A]
    assert [f.confidence for f in fused] == [0.9, 0.6]


def test_segments_of_an_asset_are_one_with_the_best_in_front():
    [fused] = fuse([signal(A, p, segment=n) for n, p in enumerate([0.6, 0.9, 0.4, 0.7])])
    assert (fused.best.segment_id, fused.more_segments, fused.verdict) == (1, 2, "match")


def test_below_the_threshold_a_hit_is_uncertain():
    [fused] = fuse([signal(A, 0.49)])
    assert (fused.verdict, fused.more_segments) == ("uncertain", 0)


def test_the_strongest_space_decides_and_each_is_told():
    fused = fuse([signal(A, 0.6), signal(A, 0.8, space="t", segment=7), signal(B, 0.7)])
    assert [f.asset_id for f in fused] == [A, B]
    assert [s.space for s in fused[0].signals] == ["s", "t"]
    assert fused[0].best.space == "t"


def test_words_and_vectors_are_two_opinions_and_two_spaces_of_vectors_are_one():
    both = [signal(A, 0.6), signal(A, 0.5, space=LEXICAL, segment=7)]
    [fused] = fuse(both)
    assert (fused.best.space, fused.score) == ("s", pytest.approx(0.8))
    assert fused.confidence == pytest.approx(0.8)
    [fused] = fuse([*both, signal(A, 0.55, space="t")])
    assert fused.confidence == pytest.approx(0.8)


def test_what_any_space_calls_a_match_is_one():
    strict = replace(signal(A, 0.6), threshold=0.7)
    [fused] = fuse([strict, signal(A, 0.5, space=LEXICAL)])
    assert fused.verdict == "match"
    [fused] = fuse([strict, signal(A, 0.4, space=LEXICAL)])
    assert fused.verdict == "uncertain"


def test_segments_that_match_are_counted_once_whichever_space_says_so():
    found = [signal(A, 0.9, segment=1), signal(A, 0.8, segment=2), signal(A, 0.1, segment=3)]
    words = [signal(A, 0.7, space=LEXICAL, segment=n) for n in (2, 4)]
    [fused] = fuse(found + words)
    assert (fused.best.segment_id, fused.more_segments) == (1, 2)


def test_of_equals_the_more_similar_comes_first_then_the_lower_id():
    found = [signal(C, 0.6, similarity=0.3), signal(B, 0.6, similarity=0.3), signal(A, 0.6)]
    assert [f.asset_id for f in fuse(found)] == [A, B, C]


def test_weights_move_ranks_and_not_confidences():
    fused = fuse([signal(A, 0.9, weight=0.5), signal(B, 0.6, space="t")])
    assert [(f.asset_id, f.confidence) for f in fused] == [(B, 0.6), (A, 0.9)]


def test_rank_fusion_adds_reciprocal_ranks():
    found = [signal(A, 0.9), signal(B, 0.8), signal(B, 0.7, space="t"), signal(C, 0.6, space="t")]
    fused = fuse(found, method="rrf")
    assert [f.asset_id for f in fused] == [B, A, C]
    assert fused[0].score == pytest.approx(1 / (RRF_K + 2) + 1 / (RRF_K + 1))


def test_nothing_fuses_to_nothing():
    assert fuse([]) == []
    assert fuse([], method="rrf") == []


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 20), st.floats(0, 1)), max_size=30),
    st.sampled_from(["calibrated", "rrf"]),
    st.randoms(),
)
def test_each_asset_once_and_the_order_of_what_comes_in_does_not_matter(found, method, random):
    signals = [
        signal(uuid.UUID(int=asset), p, segment=asset * 100 + segment)
        for asset, segment, p in found
    ]
    fused = fuse(signals, method=method)
    assert {f.asset_id for f in fused} == {s.asset_id for s in signals}
    assert len(fused) == len({s.asset_id for s in signals})
    assert [f.score for f in fused] == sorted((f.score for f in fused), reverse=True)
    random.shuffle(signals)
    again = fuse(signals, method=method)
    assert [(f.asset_id, f.confidence) for f in again] == [
        (f.asset_id, f.confidence) for f in fused
    ]
