"""Spoken personal data: which times are muted, and what of the words is kept."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from retrieval.redaction.audio import pii
from retrieval.redaction.audio.digits import in_figures
from retrieval.redaction.audio.regions import Region
from retrieval.redaction.audio.words import Word, joined, stretches
from retrieval.redaction.base import EntityRule, Finding, Profile
from retrieval.redaction.placeholders import Numbering
from tests.retrieval.redaction.audio.conftest import RATE, pink

PROFILE = Profile(
    name="test",
    version=1,
    entities={"PERSON": EntityRule(threshold=0.5), "PHONE_NUMBER": EntityRule(threshold=0.4)},
)
KINDS = {"PERSON": r"Anna Berger|Li", "PHONE_NUMBER": r"\d[\d -]{5,}\d"}


def analyse(text):
    found = [
        Finding(kind=kind, score=0.9, recognizer="test", start=m.start(), end=m.end())
        for kind, pattern in KINDS.items()
        for m in re.finditer(pattern, text)
    ]
    return sorted(found, key=lambda f: f.start)


def words(text, *, gap_ms=0):
    """Each word lasts 300 ms, one after the other."""
    step = 300 + gap_ms
    return [Word(word, n * step, n * step + 300) for n, word in enumerate(text.split())]


def muted(text):
    return [(f.kind, f.start_ms, f.end_ms) for f in pii.timed(pii.spoken(words(text), analyse))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it rains a lot", []),
        ("my name is Anna Berger, yes", [("PERSON", 900, 1500)]),
        ("call 555 123 4567 now", [("PHONE_NUMBER", 300, 1200)]),
        ("call five five five one two three four now", [("PHONE_NUMBER", 300, 2400)]),
        ("ruf null eins sieben sechs drei vier neun an", [("PHONE_NUMBER", 300, 2400)]),
        ("one or two of three", []),
        ("Li", [("PERSON", 0, 300)]),
    ],
)
def test_times_of_words_that_hold_something(text, expected):
    padded = [(kind, max(0, start - pii.PAD_MS), end + pii.PAD_MS) for kind, start, end in expected]
    assert muted(text) == padded


def test_speech_that_nobody_could_write_down_is_muted():
    said = words("it rains")  # 0 to 600 ms
    unsure = [*said, Word("murmur", 3000, 3300, probability=0.1)]
    speech = [Region(0, 700, 0.9), Region(2900, 3400, 0.8), Region(9000, 9300, 0.9)]
    assert pii.unheard(speech, unsure) == [(2900, 3400)]
    assert pii.unheard([Region(0, 4000, 0.9)], said) == [(600 + pii.PAD_MS, 4000)]


def text_of(said, **options):
    return [
        (one.text, one.start_ms, one.end_ms)
        for one in pii.transcript(said, profile=PROFILE, book=Numbering(), **options)
    ]


def test_the_transcript_is_redacted_and_keeps_its_times():
    said = pii.spoken(words("I am Anna Berger, and so is Anna Berger"), analyse)
    assert text_of(said) == [("I am <PERSON_1>, and so is <PERSON_1>", 0, 2700)]


def test_stretches_end_at_pauses_but_never_within_a_finding():
    parts = [
        *words("it rains"),
        *(
            replace(w, start_ms=w.start_ms + 5000, end_ms=w.end_ms + 5000)
            for w in words("call 555")
        ),
    ]
    parts += [Word("123", 9000, 9300), Word("4567", 12_000, 12_300), Word("bye", 15_000, 15_300)]
    said = pii.spoken(parts, analyse)
    assert text_of(said) == [
        ("it rains", 0, 600),
        ("call <PHONE_NUMBER_1>", 5000, 12_300),
        ("bye", 15_000, 15_300),
    ]


def test_words_in_muted_speech_are_not_kept():
    said = pii.spoken(words("it rains on Anna Berger today"), analyse)
    assert text_of(said, without=[(0, 590)]) == [("on <PERSON_1> today", 0, 1800)]
    assert text_of(said, without=[(0, 9_000)]) == [("<PERSON_1>", 0, 1800)]


def test_long_speech_becomes_several_stretches():
    said = pii.spoken(words("word " * 500), analyse)
    kept = text_of(said)
    assert len(kept) > 2
    assert all(len(text) <= 710 for text, _, _ in kept)
    assert " ".join(text for text, _, _ in kept).split() == ["word"] * 500


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three", None),
        ("one two three four", ["1234", "", "", ""]),
        ("oh, 5 five; nine! yes", ["0559", "", "", "", "yes"]),
        ("555 1234", None),
    ],
)
def test_digits_spelled_out(text, expected):
    assert in_figures(text.split()) == expected


def test_words_are_joined_by_one_space():
    text, spans = joined([Word(" a  b ", 0, 1), Word("c", 1, 2)])
    assert (text, spans) == ("a b c", [(0, 3), (4, 5)])


def test_stretches_of_a_long_sound_leave_no_gap_and_end_where_it_is_quiet():
    sound = pink(10)
    sound[int(3.4 * RATE) : int(3.8 * RATE)] = 0
    pieces = [sound[start : start + 5_000] for start in range(0, len(sound), 5_000)]
    cut = list(stretches(pieces, seconds=4))
    assert cut[0][0] == 0
    assert sum(len(samples) for _, samples in cut) == len(sound)
    assert 3.4 < cut[1][0] / RATE < 3.8
    assert all(len(samples) <= 4 * RATE for _, samples in cut)
    assert all(cut[n][0] + len(cut[n][1]) == cut[n + 1][0] for n in range(len(cut) - 1))


def test_words_written_into_silence_are_not_taken_for_speech():
    said = words("it rains on Anna")
    assert pii.heard(said, [Region(0, 350, 0.4)]) == said[:2]
    assert pii.heard(said, []) == []
