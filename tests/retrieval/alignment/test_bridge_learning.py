"""Choosing how to learn a bridge, how sure it is, and the parts of its proof."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from retrieval.alignment import bridge_audio_space as space
from retrieval.alignment.bridge_calibrate import labelled_fit, texts_fit
from retrieval.alignment.bridge_choose import (
    Labelled,
    TextPairs,
    bridge_fit,
    pair_precision,
    texts_mrr,
    topic_folds,
    ways_try,
    without_bridge,
)
from retrieval.alignment.bridge_labels import SOUND_PHOTO_WORDS, answers, words_read
from retrieval.bridge_fits import Banks, lesson_make, ridge_fit
from retrieval.bridge_texts import MAX_CHARACTERS, default_captions, own_captions
from retrieval.encoders.base import unit_rows
from retrieval.evaluation.datasets import Dataset

THINGS, TEXTS = 40, 4


class TwoSpaces:
    """Topics in two spaces: texts of both, images of one, sounds of the other, each in a cone."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        meaning = unit_rows(rng.normal(size=(THINGS, 6)))
        ours, theirs = rng.normal(size=(6, 14)), rng.normal(size=(6, 9))

        def cone(rows: np.ndarray, into: np.ndarray, lean: int) -> np.ndarray:
            noise = 0.2 * rng.normal(size=(len(rows), into.shape[1]))
            return unit_rows(rows @ into + noise + 3 * np.eye(into.shape[1])[lean])

        each = np.repeat(np.arange(THINGS), TEXTS)
        self.kinds = ["seen", "seen", "heard", "heard"] * THINGS
        self.texts = TextPairs(
            cone(meaning[each], ours, 0), cone(meaning[each], theirs, 0), [f"t{i}" for i in each]
        )
        images, sounds = cone(meaning[each], ours, 1), cone(meaning[each], theirs, 1)
        self.pair = Labelled("image", "audio", images, sounds, each[:, None] == each[None])
        others = unit_rows(rng.normal(size=(100, 6)))
        self.banks = Banks({"image": cone(others, ours, 1)}, {"audio": cone(others, theirs, 1)})


@pytest.fixture(scope="module")
def world():
    return TwoSpaces()


def test_folds_never_part_a_topic(world):
    folds = topic_folds(world.texts.topics)
    assert np.array_equal(np.sum(folds, axis=0), np.ones(THINGS * TEXTS))
    for fold in folds:
        held = {t for t, out in zip(world.texts.topics, fold, strict=True) if out}
        left = {t for t, out in zip(world.texts.topics, fold, strict=True) if not out}
        assert held
        assert not held & left


def test_the_way_that_measures_best_on_labelled_pairs_comes_first(world):
    said = []
    methods = ("procrustes", "ridge", "enhanced")
    tried = ways_try(world.texts, world.banks, [world.pair], methods=methods, said=said.append)
    assert len(tried) == len(said) == 6
    precisions = [one.pairs["image-audio"] for one in tried]
    assert precisions == sorted(precisions, reverse=True)
    chance = world.pair.chance
    assert precisions[0] > 5 * chance
    assert without_bridge(world.pair) < 3 * chance
    assert without_bridge(world.pair, seed=1) < 3 * chance
    assert all(0 < one.texts_mrr <= 1 and 0 < (one.banks_mrr or 0) <= 1 for one in tried)


def test_without_labels_the_banks_decide_and_without_banks_the_texts(world):
    tried = ways_try(world.texts, world.banks, methods=("procrustes", "ridge"))
    assert [one.banks_mrr for one in tried] == sorted((o.banks_mrr for o in tried), reverse=True)
    alone = ways_try(world.texts, Banks(), methods=("procrustes", "ridge"))
    assert [one.centred for one in alone] == [False, False]  # no centroid of an image is known
    assert [one.texts_mrr for one in alone] == sorted((o.texts_mrr for o in alone), reverse=True)
    assert {one.banks_mrr for one in alone} == {None}


@pytest.mark.parametrize("method", ["mlp", "cmcr"])
def test_a_trained_bridge_is_applied_by_numpy_alone(world, method):
    torch.set_num_threads(1)
    bridge = bridge_fit(world.texts, world.banks, method=method, centring=True)
    assert bridge.hidden is not None
    assert pair_precision(bridge, world.pair) > 5 * world.pair.chance
    lesson = lesson_make(world.texts.source, world.texts.target, world.banks, centring=True)
    assert texts_mrr(bridge, world.texts) > 0.8 * texts_mrr(ridge_fit(lesson), world.texts)


def test_labels_make_a_calibration_that_holds(world):
    bridge = bridge_fit(world.texts, world.banks, method="ridge", centring=True)
    fit = labelled_fit(bridge, world.pair, world.banks.target["audio"])
    assert fit is not None
    assert fit.fit.ece < 0.1
    assert fit.fit.unanswerable > 0
    kept = fit.to_json()
    assert (kept["basis"], kept["query_modality"], kept["target_modality"]) == (
        "labelled",
        "image",
        "audio",
    )


def test_texts_give_a_guess_and_nothing_to_judge_gives_none(world):
    asked = {"method": "ridge", "centring": True, "pair": ("image", "audio")}
    guess = texts_fit(world.texts, world.kinds, world.banks, **asked)
    assert guess is not None
    assert guess.basis == "texts"
    own = ["own"] * len(world.kinds)
    assert texts_fit(world.texts, own, world.banks, **asked) is None
    bridge = bridge_fit(world.texts, world.banks, method="ridge", centring=True)
    hopeless = replace(world.pair, right=np.zeros_like(world.pair.right))
    assert labelled_fit(bridge, hopeless, world.banks.target["audio"]) is None


def dataset(modality: str, *, captions=(), labels=()) -> Dataset:
    return Dataset("some", modality, tuple(captions), tuple(labels), lambda _: b"")


def test_labels_answer_labels_and_captions_that_name_them():
    sounds = dataset("audio", labels=[("1", "Dog"), ("2", "Sea waves"), ("3", "door bell")])
    photos = dataset(
        "image",
        captions=[("a", "a puppy runs"), ("a", "it is brown"), ("b", "Surf!"), ("c", "a door")],
    )
    words = {"Dog": ["dog", "puppy"], "Sea waves": ["surf", "ocean"]}
    right = [[True, False, False], [False, True, False], [False, False, False]]
    assert answers(sounds, photos, words).tolist() == right
    assert answers(photos, sounds, words).tolist() == np.array(right).T.tolist()
    pictures = dataset("image", labels=[("x", "dog"), ("y", "cat")])
    assert answers(sounds, pictures, words).tolist() == [[True, False], [False] * 2, [False] * 2]
    with pytest.raises(ValueError, match="must have labels"):
        answers(photos, photos, words)


def test_the_map_that_ships_can_be_read_and_another_form_cannot(tmp_path):
    assert "dog" in words_read(SOUND_PHOTO_WORDS)["Dog"]
    other = tmp_path / "other.toml"
    other.write_text("words = 3\n")
    with pytest.raises(ValueError, match="no table of words"):
        words_read(other)


def test_the_captions_that_ship_are_many_plain_and_always_the_same():
    captions = default_captions()
    words = [caption.words for caption in captions]
    assert captions == default_captions()
    assert len(set(words)) == len(words) > 3000
    assert {caption.kind for caption in captions} == {"seen", "heard"}
    assert len({caption.topic for caption in captions}) > 200
    assert all("{" not in text and len(text) < 120 for text in words)


def test_own_captions_are_lines(tmp_path):
    file = tmp_path / "own.txt"
    file.write_text("a lathe\n\n  a lathe \nein Schweißgerät\n" + "x" * 500, encoding="utf-8")
    found = own_captions([file])
    assert [caption.words for caption in found[:2]] == ["a lathe", "ein Schweißgerät"]
    assert len(found[2].words) == MAX_CHARACTERS
    assert {caption.kind for caption in found} == {"own"}


def test_an_audio_text_space_learns_its_labels(monkeypatch):
    monkeypatch.setattr(space, "BUCKETS", 512)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    labels = ["Dog", "Rain", "Siren"] * 20
    places = np.array([["Dog", "Rain", "Siren"].index(label) for label in labels])
    features = np.eye(3, space.FEATURES)[places] * 9 + rng.normal(size=(60, space.FEATURES)) / 9
    sounds = space.Sounds(features.astype(np.float32), np.eye(4)[places].astype(np.float32), labels)
    twins = [["water falls on a roof", "rain on tiles"], ["a hound yelps", "a dog yaps"]]
    heard, said = space.space_train(
        sounds,
        classes=["Bark", "Rain", "Siren", "Music"],
        captions=["a dog barking", "heavy rain", "a siren far away", "music"],
        twins=twins,
        steps=25,
    )
    vectors, texts = heard.encode(sounds.features), said.encode(["a dog", "the rain", "a siren"])
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert ((vectors @ texts.T).argmax(1) == places).mean() > 0.9


def test_texts_are_taken_apart_alike_everywhere():
    assert space.grams("A dog") == space.grams("a DOG")
    assert space.grams("dog")[0] != space.grams("cat")[0]
    assert space.grams("…") == [0]
    assert space.mentions(["Chirping birds"], ["birds chirp", "a bird"]) == [[0]]


def test_captions_of_one_sound_are_twins(tmp_path):
    file = tmp_path / "captions.csv"
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerows(
            [["fname", "raw_text"], ["a.wav", "one"], ["b.wav", "alone"], ["a.wav", "two"]]
        )
    assert space.twins_read(file) == [["one", "two"]]
