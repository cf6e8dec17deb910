"""Bridges on spaces whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from retrieval.bridge_fits import (
    Banks,
    enhanced,
    lesson_enhance,
    lesson_make,
    procrustes_fit,
    ridge_fit,
)
from retrieval.bridges import Bridge, BridgeError, Hidden
from retrieval.encoders.base import unit_rows


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return unit_rows(rng.normal(size=shape).astype(np.float32))


def rotation(rng: np.random.Generator, d1: int, d2: int) -> np.ndarray:
    """Orthonormal rows or columns: (d1, d2)."""
    drawn = np.linalg.qr(rng.normal(size=(max(d1, d2), max(d1, d2))))[0]
    return drawn[:d1, :d2].astype(np.float32)


def random_bridge(seed: int, d1: int, d2: int, *, hidden: bool, centred: bool) -> Bridge:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    return Bridge(
        method="mlp" if hidden else "ridge",
        linear=draw(d1, d2),
        offset=draw(d2),
        hidden=Hidden(draw(d1, 5), draw(5), draw(5, d2)) if hidden else None,
        means={"image": draw(d1), "text": draw(d1)} if centred else {},
    )


bridges = st.builds(
    random_bridge,
    st.integers(0, 2**32 - 1),
    st.integers(2, 9),
    st.integers(2, 9),
    hidden=st.booleans(),
    centred=st.booleans(),
)


@given(bridges, st.integers(0, 2**32 - 1))
def test_a_bridge_read_again_carries_alike(bridge, seed):
    again = Bridge.from_bytes(bridge.to_bytes())
    vectors = unit(np.random.default_rng(seed), 4, len(bridge.linear))
    carried = bridge.apply(vectors, modality="image")
    assert (again.method, again.centred) == (bridge.method, bridge.centred)
    assert np.array_equal(again.apply(vectors, modality="image"), carried)
    assert carried.shape == (4, bridge.linear.shape[1])
    assert np.allclose(np.linalg.norm(carried, axis=1), 1, atol=1e-5)


@given(bridges)
def test_one_vector_is_carried_as_a_row_is(bridge):
    vectors = unit(np.random.default_rng(0), 3, len(bridge.linear))
    rows = bridge.apply(vectors, modality="image")
    one = bridge.apply(vectors[1], modality="image")
    assert one.shape == rows[1].shape
    assert np.allclose(one, rows[1], atol=1e-5)


def test_what_does_not_fit_is_refused():
    bridge = random_bridge(0, 4, 3, hidden=False, centred=True)
    with pytest.raises(BridgeError, match="expected vectors of 4, got 5"):
        bridge.apply(np.ones(5, np.float32), modality="image")
    assert not bridge.carries("audio")
    with pytest.raises(BridgeError, match="centroid"):
        bridge.apply(np.ones(4, np.float32), modality="audio")
    assert random_bridge(0, 4, 3, hidden=False, centred=False).carries("audio")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"offset": np.zeros(4, np.float32)},
        {"linear": np.zeros((4, 3, 1), np.float32)},
        {"linear": np.full((4, 3), np.nan, np.float32)},
        {"means": {"image": np.zeros(3, np.float32)}},
        {"hidden": Hidden(*(np.zeros(s, np.float32) for s in ((4, 5), (5,), (6, 3))))},
    ],
)
def test_parts_that_do_not_fit_together_are_refused(spoilt):
    bridge = replace(random_bridge(0, 4, 3, hidden=False, centred=True), **spoilt)
    with pytest.raises(BridgeError):
        Bridge.from_bytes(bridge.to_bytes())


def test_other_files_are_refused():
    good = random_bridge(0, 4, 3, hidden=True, centred=True).to_bytes()
    tensors = {"linear": np.zeros((4, 3), np.float32), "offset": np.zeros(3, np.float32)}
    others = [
        b"",
        b"no such file",
        good[:-1],
        save(tensors),
        save(tensors, metadata={"format": "2", "method": "ridge"}),
        save(tensors, metadata={"format": "1", "method": "magic"}),
        save({"linear": tensors["linear"]}, metadata={"format": "1", "method": "ridge"}),
    ]
    for data in others:
        with pytest.raises(BridgeError):
            Bridge.from_bytes(data)


@pytest.mark.parametrize("dimensions", [(12, 12), (12, 7), (7, 12)])
def test_procrustes_finds_a_rotation(dimensions):
    rng = np.random.default_rng(1)
    turn = rotation(rng, *dimensions)
    source = unit(rng, 200, dimensions[0])
    target = unit_rows(source @ turn)
    bridge = procrustes_fit(lesson_make(source, target, Banks(), centring=False))
    gram = bridge.linear @ bridge.linear.T
    if dimensions[0] <= dimensions[1]:  # nothing is stretched where there is room
        assert np.allclose(gram, np.eye(dimensions[0]), atol=1e-4)
    new = unit(rng, 50, dimensions[0])
    carried = bridge.apply(new, modality="text")
    right = np.einsum("nd,nd->n", carried, unit_rows(new @ turn))
    assert right.min() > (0.999 if dimensions[0] <= dimensions[1] else 0.9)


def test_ridge_finds_a_map_that_is_no_rotation():
    rng = np.random.default_rng(2)
    source = unit(rng, 4000, 10)
    stretch = rng.normal(size=(10, 6)).astype(np.float32)
    lesson = lesson_make(source, source @ stretch + 0.3, Banks(), centring=False)
    close = ridge_fit(lesson, strength=1e-6)
    assert np.allclose(close.linear, stretch, atol=1e-3)
    assert np.allclose(close.offset, 0.3, atol=1e-3)
    shrunk = ridge_fit(lesson, strength=10.0)
    assert np.linalg.norm(shrunk.linear) < 0.2 * np.linalg.norm(close.linear)
    assert np.allclose(shrunk.offset, lesson.target.mean(0), atol=0.02)  # not shrunk


class TwoSpaces:
    """Things seen in one space and heard in another, texts in both, a cone for each modality."""

    def __init__(self, seed: int = 0, *, things: int = 60, gap: float = 0.9) -> None:
        rng = np.random.default_rng(seed)
        meaning = unit(rng, things, 8)
        self.ours, self.theirs = rotation(rng, 8, 16), rotation(rng, 8, 12)
        shifts = {name: gap * unit(rng, 1, d) for name, d in (("image", 16), ("audio", 12))}

        def seen(rows: np.ndarray, into: np.ndarray, shift: object = 0.0) -> np.ndarray:
            noise = 0.05 * rng.normal(size=(len(rows), into.shape[1]))
            return unit_rows(rows @ into + noise + shift)

        each = np.repeat(np.arange(things), 5)
        self.text_source, self.text_target = (
            seen(meaning[each], into) for into in (self.ours, self.theirs)
        )
        self.images = seen(meaning, self.ours, shifts["image"])
        self.sounds = seen(meaning, self.theirs, shifts["audio"])
        others = unit(rng, 300, 8)
        self.banks = Banks(
            {"image": seen(others, self.ours, shifts["image"])},
            {"audio": seen(others, self.theirs, shifts["audio"])},
        )

    def found(self, bridge: Bridge) -> float:
        """Share of images whose sound is the nearest."""
        carried = bridge.apply(self.images, modality="image")
        nearest = (carried @ self.sounds.T).argmax(1)
        return float((nearest == np.arange(len(nearest))).mean())


@pytest.mark.parametrize("fit", [procrustes_fit, ridge_fit])
def test_centring_closes_the_gap_between_modalities(fit):
    world = TwoSpaces()
    plain, centred = (
        fit(lesson_make(world.text_source, world.text_target, world.banks, centring=centring))
        for centring in (False, True)
    )
    assert set(centred.means) == {"image", "text"}
    assert world.found(centred) > 0.95
    assert world.found(centred) > world.found(plain)


def test_the_bank_s_own_images_help_a_fit():
    world = TwoSpaces()
    texts = world.text_source, world.text_target
    lesson = lesson_make(*texts, world.banks, centring=True)
    more = lesson_enhance(lesson, *texts, world.banks, centring=True)
    assert len(more.source) == len(more.target) == 4 * len(lesson.source)
    assert np.array_equal(more.source[: len(lesson.source)], lesson.source)
    assert world.found(ridge_fit(more, method="enhanced")) > 0.9


def test_enhancement_takes_what_the_bank_holds_nearest():
    bank = np.eye(6, dtype=np.float32)
    texts = unit_rows(bank + 0.1)
    assert np.array_equal((enhanced(texts, bank) @ bank.T).argmax(1), np.arange(6))
    flat = enhanced(texts, bank, sharpness=0.0)
    assert np.allclose(flat, unit_rows(np.ones((6, 6))), atol=1e-6)


def test_texts_come_in_pairs():
    rng = np.random.default_rng(0)
    for source, target in ((3, 4), (0, 0)):
        with pytest.raises(ValueError, match="expected pairs of texts"):
            lesson_make(unit(rng, source, 5), unit(rng, target, 5), Banks(), centring=True)
