"""A sample of what ``deploy/bench redact`` measures by the thousand: not one value is missed."""

import pytest

from deploy.benchmarks.redact import structured
from deploy.benchmarks.redact.structured_sentences import HARMLESS, grouped, letters_missed
from deploy.benchmarks.redact.structured_values import VALUES
from retrieval.redaction.engine import Engine
from retrieval.redaction.profiles import OPEN, STANDARD, STRICT
from retrieval.redaction.text import StructuredTextRedactor

SAMPLE = 8


@pytest.fixture(scope="module")
def redactor():
    return StructuredTextRedactor(Engine())


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_no_value_is_missed(redactor, kind):
    wanted = list(structured.examples(kind, SAMPLE, seed=7))
    assert len({one.value for one in wanted}) > SAMPLE // 2
    for profile in (STANDARD, STRICT):
        assert structured.missed(redactor, profile, wanted) == []


def test_a_value_that_stays_in_counts_as_missed(redactor):
    wanted = list(structured.examples("PHONE_INTERNATIONAL", SAMPLE))
    assert structured.missed(redactor, OPEN, wanted) == wanted


def test_a_letter_left_over_counts():
    assert letters_missed("x abc-1 y", 2, "abc-1", [(2, 6)]) == 1
    assert letters_missed("x abc-1 y", 2, "abc-1", [(2, 5), (6, 7)]) == 0


def test_groups_leave_the_value_as_it_is():
    from random import Random

    rng = Random(1)
    for kind, make in VALUES.items():
        value = make(rng)
        shown = grouped(kind, value, rng)
        assert "".join(filter(str.isalnum, shown)) == "".join(filter(str.isalnum, value))


@pytest.mark.parametrize("text", HARMLESS)
def test_figures_that_are_nobodys_stay(redactor, text):
    assert redactor.redact(text, profile=STANDARD).text == text
