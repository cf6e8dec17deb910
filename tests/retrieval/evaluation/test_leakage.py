"""The attack finds people in vectors that tell them, and guesses in those that do not."""

import io

import numpy as np
import pytest
from PIL import Image

from retrieval.evaluation import drawn_faces, leakage_texts
from retrieval.evaluation.leakage import Sides, hits, leakage, leakage_in_words

PEOPLE, KNOWN, GUESSED = 10, 3, 8


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def vectors(persons: list[int], *, told: float, seed: int) -> np.ndarray:
    """Random unit vectors that lean towards their person's direction by ``told``."""
    draw = np.random.default_rng(seed)
    directions = unit(np.random.default_rng(0).normal(size=(PEOPLE, 32)))
    noise = unit(draw.normal(size=(len(persons), 32)))
    return unit(told * directions[persons] + noise)


def attack(*, before: float, after: float):
    known = [p for p in range(PEOPLE) for _ in range(KNOWN)]
    guessed = [p for p in range(PEOPLE) for _ in range(GUESSED)]
    return leakage(
        attribute="the person named",
        before=Sides(
            vectors(known, told=before, seed=1),
            known,
            vectors(guessed, told=before, seed=2),
            guessed,
        ),
        after_known=vectors(known, told=after, seed=3),
        after_targets=vectors(guessed, told=after, seed=4),
        redacted=1.0,
    )


def test_vectors_that_tell_people_apart_give_them_away():
    found = attack(before=2.0, after=2.0)
    assert found.before.value > 0.9
    assert found.told
    note = found.finding("text")
    assert note is not None
    assert (note.code, note.where, note.gates) == ("leakage", "text", False)


def test_vectors_that_tell_nothing_are_guessed_by_chance():
    found = attack(before=2.0, after=0.0)
    assert found.chance == 0.1
    assert found.after.low <= 0.1 <= found.after.high
    assert not found.told
    assert found.finding("text") is None
    words = leakage_in_words(found.to_json())
    assert words.startswith("The person named, one of 10: guessed for ")
    assert "chance 10%" in words
    assert "either" not in words
    assert leakage_in_words(attack(before=0.0, after=0.0).to_json()).endswith("chance, either.")


def test_texts_that_became_the_same_count_as_guessing():
    known = list(range(PEOPLE))
    same = unit(np.ones((PEOPLE, 4)))
    assert hits(Sides(same, known, same, known)).tolist() == [0.1] * PEOPLE


def test_sides_that_do_not_belong_together_are_refused():
    one = unit(np.ones((2, 4)))
    with pytest.raises(ValueError, match="examples"):
        hits(Sides(one, [0], one, [0, 1]))


def test_every_person_is_said_the_same_sentences_and_no_target_is_an_example():
    examples, targets = leakage_texts.examples(), leakage_texts.targets()
    for said in (examples, targets):
        frames = {}
        for one in said:
            name = leakage_texts.PEOPLE[one.person]
            assert one.text.count(name) == 1
            frames.setdefault(one.person, []).append(one.text.replace(name, "{}"))
        assert len({tuple(each) for each in frames.values()}) == 1
        assert len(frames) == len(leakage_texts.PEOPLE)
    assert not {one.text for one in examples} & {one.text for one in targets}


def test_faces_are_the_same_every_time_and_differ_between_people_and_pictures():
    first = drawn_faces.picture(1, 0)
    assert drawn_faces.picture(1, 0) == first
    shown = [
        np.asarray(Image.open(io.BytesIO(drawn_faces.picture(p, n)))) for p, n in [(1, 1), (2, 0)]
    ]
    for other in shown:
        assert other.shape == (drawn_faces.SIDE, drawn_faces.SIDE, 3)
        assert np.abs(other.astype(int) - np.asarray(Image.open(io.BytesIO(first)))).mean() > 5
    assert drawn_faces.features(1) != drawn_faces.features(2)
