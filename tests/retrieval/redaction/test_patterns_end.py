"""No regular expression runs away: bounded processor time on what drives bad ones mad."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.redaction.engine import Engine
from retrieval.redaction.profiles import STRICT
from retrieval.redaction.recognizers import frame, recognizers
from retrieval.redaction.recognizers.frame import PatternsRecognizer, Window
from retrieval.redaction.text import StructuredTextRedactor

# A third of a window. A good pattern takes a millisecond; a bad one, for ever.
LENGTH = 1_600
SECONDS = 0.5
SEEDS = [
    "a",
    "1 ",
    "A1",
    "a@a.",
    "key=password is ",
    "12 rue de la Ab ",
    "1.2.3.4.",
    "00:11:",
    "-----BEGIN RSA PRIVATE KEY-----\nA\n",
    "eyJaaaaaaaa.",
    '"k": "',
    "Apt 1\nAb, ",
    "12 jan (1) ",
    "A B-1\n",
]


def patterns():
    for recognizer in recognizers():
        if isinstance(recognizer, PatternsRecognizer):
            for number, pattern in enumerate((*recognizer._patterns, *recognizer._codes)):
                yield pytest.param(pattern, id=f"{recognizer.name}-{pattern.kind}-{number}")


def cpu_seconds(work):
    started = time.thread_time()
    work()
    return time.thread_time() - started


@pytest.mark.parametrize("pattern", list(patterns()))
def test_every_pattern_ends(pattern, monkeypatch):
    monkeypatch.setattr(frame, "PATTERN_LIMIT_SECONDS", SECONDS)
    for seed in SEEDS:
        text = Window((seed * LENGTH)[:LENGTH] + "!")
        # Patterns that can be stopped raise beyond the limit; for the others processor time counts.
        assert cpu_seconds(lambda text=text: list(pattern.spans(text))) < SECONDS, seed


@pytest.fixture(scope="module")
def redactor():
    return StructuredTextRedactor(Engine())


ALPHABET = "aZ1 .-@/:=\"'<>&%#_\n(),+é\u200b\u0430"


@given(st.text(alphabet=ALPHABET, min_size=1, max_size=12), st.text(alphabet=ALPHABET, max_size=40))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_repetition_of_anything_ends(redactor, seed, tail):
    text = (seed * 2_000)[:2_000] + tail
    # The redactor's own limit, raised as an error, is a second for 2,000 characters and ten more.
    assert cpu_seconds(lambda: redactor.redact(text, profile=STRICT)) < 10 * SECONDS


def test_a_line_without_blanks_is_looked_at_to_its_end(redactor):
    text = "x" * 60_000 + "john@example.org" + "," * 60_000
    shown = redactor.redact(text, profile=STRICT).text
    assert "john" not in shown
    assert len(shown) > 119_000
