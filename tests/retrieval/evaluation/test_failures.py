"""Failures and prompts on cases small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.evaluation import slices
from retrieval.evaluation.analysis import analysis
from retrieval.evaluation.cases import Case, Things
from retrieval.evaluation.failures import Looked, confusions, failures, hubness, worst
from retrieval.evaluation.named import Named, caption_named, label_named
from retrieval.evaluation.prompts import rules_made
from retrieval.evaluation.robustness import robustness


def case_of(similarities: list[list[float]], right: list[list[int]], **more) -> Case:
    """A case whose similarities are those given: queries along the axes."""
    found = np.array(similarities, dtype=np.float32)
    queries = np.eye(len(found), dtype=np.float32)
    return Case(
        more.pop("asked", "text"),
        more.pop("target", "image"),
        queries,
        Things.single(found.T.copy()),
        np.array(right, dtype=bool),
        more.pop("groups", np.arange(len(found))),
    )


# Three queries, three pictures: the second picture is before the right one of the others.
CROWDED = case_of([[0.4, 0.9, 0.1], [0.2, 0.8, 0.3], [0.1, 0.7, 0.5]], np.eye(3).tolist())
NAMES = Named(["a#1", "b#1", "c#1"], ["a.jpg", "b.jpg", "c.jpg"], ["red dog", "b", "a cat sits"])


def test_worst_first_and_only_what_failed() -> None:
    found = worst(Looked.at(CROWDED, NAMES))
    assert [one.body["asked"] for one in found] == ["a#1", "c#1"]
    first = found[0].body
    assert (first["rank"], first["words"]) == (2, "red dog")
    assert first["right"] == [{"id": "a.jpg", "rank": 2, "similarity": 0.4}]
    assert [(hit["id"], hit["right"]) for hit in first["found"]] == [
        ("b.jpg", False),
        ("a.jpg", True),
        ("c.jpg", False),
    ]
    assert set(found[0].ids) == {"a.jpg", "b.jpg", "c.jpg"}


def test_one_of_a_group_is_enough() -> None:
    case = case_of([[0.1, 0.9], [0.2, 0.9]], [[1, 0], [1, 0]], groups=np.array([0, 0]))
    found = worst(Looked.at(case, Named(["a#1", "a#2"], ["a.jpg", "b.jpg"])))
    assert len(found) == 1


def test_hubs_are_what_is_found_without_answering() -> None:
    wide = np.zeros((12, 14))
    wide[:, 0] = 0.9  # everybody's first hit, right for nobody
    wide[np.arange(12), np.arange(12) + 1] = 0.5
    right = np.zeros((12, 14), dtype=int)
    right[np.arange(12), np.arange(12) + 1] = 1
    looked = Looked.at(
        case_of(wide.tolist(), right.tolist()), Named([""] * 12, list("abcdefghijklmn"))
    )
    found = hubness(looked)
    assert found["hubs"][0] == {"id": "a", "times": 12, "share": 1.0, "answers": 0}
    assert found["never_found"] > 0


def test_labels_taken_for_others() -> None:
    # Two dogs and a cat; a dog is nearest to the cat.
    case = case_of([[0.9, 0.1], [0.2, 0.7], [0.1, 0.8]], [[1, 0], [1, 0], [0, 1]])
    named = Named(list("xyz"), ["dog", "cat"], (), ["dog", "dog", "cat"], ["dog", "cat"])
    found = confusions(Looked.at(case, named))
    assert found == [{"asked": "dog", "found": "cat", "hits": 1, "share": 0.5}]
    summary, records = failures(case, named, labelled=True)
    assert summary["by_label"][0]["part"] == "dog"
    assert summary["by_label"][0]["value"] == pytest.approx(0.75)  # 1 and 1/2
    assert {one.kind for one in records} == {"worst", "hub", "confusion"}
    assert [one.ids for one in records if one.kind == "confusion"] == [("cat",)]


def scored(values: list[float]) -> slices.Scored:
    return slices.Scored("recall@10", np.array(values), np.arange(len(values)))


def test_by_length_with_intervals_and_without_small_parts() -> None:
    words = ["one two"] * 6 + ["one two three four"] * 6 + ["w " * 20] * 2
    found = slices.by_length(scored([1.0] * 6 + [0, 0, 0, 1, 1, 1] + [0.0] * 2), words)
    assert [(part["part"], part["queries"], part["value"]) for part in found] == [
        ("1-3", 6, 1.0),
        ("4-6", 6, 0.5),
    ]
    assert found[1]["low"] < 0.5 < found[1]["high"]


def test_the_long_tail_of_words_counts_things_not_captions() -> None:
    # "dog" is said of six things, "okapi" of one of them, twice.
    words = ["a dog"] * 6 + ["okapi dog"] * 5
    things = [0, 1, 2, 3, 4, 5] + [5] * 5
    found = slices.long_tail(scored([1.0] * 6 + [0.0] * 5), words, things)
    assert [(part["part"], part["queries"], part["value"]) for part in found] == [
        ("1", 5, 0.0),
        ("5-19", 6, 1.0),
    ]


def test_the_long_tail_of_labels() -> None:
    bearers = ["a"] + ["b"] * 5 + ["c"] * 9
    found = slices.rare_labels(scored([0.0] * 5 + [1.0] * 5), ["b"] * 5 + ["c"] * 5, bearers)
    assert [(part["part"], part["value"]) for part in found] == [("2-5", 0.0), ("6+", 1.0)]
    assert slices.rare_labels(scored([1.0] * 5), ["b"] * 5, ["a", "b"]) == []


def test_languages_only_where_there_are_several() -> None:
    of = {"hund": "de", "dog": "en", "x": ""}
    said = ["hund"] * 5 + ["dog"] * 5 + ["x"] * 5
    found = slices.by_language(scored([0.0] * 5 + [1.0] * 10), said, of.__getitem__)
    assert [part["part"] for part in found] == ["de", "en", "undecided"]
    assert slices.by_language(scored([1.0] * 5), ["dog"] * 5, of.__getitem__) == []


CAPTIONS = [
    "two black dogs play with a red ball .",
    "a woman is riding a brown horse .",
    "five men are sitting on a bench .",
]


def test_rules_change_what_they_say() -> None:
    made = {rule.name: {p.row: p for p in rule.prompts} for rule in rules_made(CAPTIONS)}
    shuffled = made["word_order"][1].text
    assert shuffled != CAPTIONS[1]
    assert (sorted(shuffled), shuffled[-2:]) == (sorted(CAPTIONS[1]), " .")
    assert made["colours"][0].text == "two red dogs play with a black ball ."
    assert set(made["colours"]) == {0}
    assert made["negation"][0].text == "two black dogs play without a red ball ."
    assert made["negation"][1].text == "a woman is not riding a brown horse ."
    assert "two" not in made["count"][0].text.split()
    assert 1 not in made["count"]
    typo = made["typo"][1].text
    assert typo != CAPTIONS[1]
    assert sorted(typo) == sorted(CAPTIONS[1])
    pair = next(iter(made["two_topics"].values()))
    assert pair.second is not None
    assert pair.text.count(" and ") == 1
    # The same again, and no more than asked for.
    assert rules_made(CAPTIONS) == rules_made(CAPTIONS)
    assert all(len(rule.prompts) == 1 for rule in rules_made(CAPTIONS, most=1))


def test_labels_are_denied_but_not_shuffled() -> None:
    made = {rule.name: rule.prompts for rule in rules_made(["clock tick", "dog"])}
    assert sorted(prompt.text for prompt in made["negation"]) == ["no clock tick", "no dog"]
    assert "word_order" not in made


class Words:
    """Encodes words as their set, so order means nothing, and what it was not taught is noise."""

    known = sorted({word for text in (*CAPTIONS, "not") for word in text.split()})

    def __call__(self, texts) -> np.ndarray:
        rows = np.array([[text.split().count(w) for w in self.known] for text in texts], np.float32)
        rows += 1e-6
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_bag_of_words_is_found_out() -> None:
    encode = Words()
    case = Case(
        "text",
        "image",
        encode(CAPTIONS),
        Things.single(encode(CAPTIONS)),
        np.eye(3) > 0,
        np.arange(3),
    )
    named = Named(["a", "b", "c"], ["a.jpg", "b.jpg", "c.jpg"], CAPTIONS)
    found, records = robustness(case, named, encode, least=1)
    # Shuffled words and exchanged colours are the same bag: nothing but chance is left.
    assert found["word_order"]["told_apart"]["value"] == pytest.approx(0.5)
    assert found["colours"]["told_apart"]["value"] == pytest.approx(0.5)
    # Denying and counting change words, so they are noticed; the thing denied stays found.
    assert found["negation"]["told_apart"]["value"] == 1.0
    assert found["negation"]["stays_found"] == 1.0
    assert found["count"]["told_apart"]["value"] == 1.0
    assert found["typo"] | {"fall": None} == {
        "prompts": 3,
        "recall@10": 1.0,
        "before": 1.0,
        "fall": None,
    }
    assert found["two_topics"]["both"] == 1.0
    assert {one.body["rule"] for one in records} == {"word_order", "colours"}


def test_an_analysis_names_things_in_the_order_of_its_cases() -> None:
    from retrieval.evaluation.cases import caption_cases, label_cases
    from retrieval.evaluation.datasets import Dataset

    pairs = (("b.png", "red"), ("a.png", "blue"), ("b.png", "rot"))
    said, media = np.eye(3, dtype=np.float32), Things.single(np.eye(2, 3, dtype=np.float32))
    captioned = Dataset("d", "image", pairs, (), bytes)
    names = caption_named(captioned, ["red", "blue", "rot"])
    assert names[0].asked == ["b.png#1", "a.png#1", "b.png#2"]
    assert names[0].found == ["b.png", "a.png"]
    found = analysis(caption_cases(captioned, said, media), names, labelled=False)
    assert set(found.result["failures"]) == {"text-image", "image-text"}
    labelled = Dataset("d", "image", (), (("b.png", "red"), ("a.png", "blue")), bytes)
    names = label_named(labelled)
    assert (names[0].asked, names[0].found_labels) == (["blue", "red"], ["red", "blue"])
    cases = label_cases(labelled, said[:2], media)
    found = analysis(
        cases,
        names,
        labelled=True,
        text=lambda texts: np.eye(3, dtype=np.float32)[[0] * len(texts)],
    )
    # Two labels are too few for any rule to say something.
    assert found.result["prompts"] == {"text-image": {}}
