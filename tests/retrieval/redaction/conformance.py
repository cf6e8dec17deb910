"""What every TextRedactor must do; subclass it with a ``redactor`` fixture."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.profiles import OPEN, SHIPPED, STANDARD, STRICT

CARD = "4111 1111 1111 1111"
TEXT = f"Pay with {CARD}, not with {CARD}. Zürich \U0001f600 ok."


class RedactorConformance:
    def test_has_a_name_and_a_version(self, redactor):
        assert redactor.name
        assert redactor.version

    @pytest.mark.parametrize("profile", SHIPPED, ids=lambda profile: profile.name)
    def test_a_card_goes_under_every_profile(self, redactor, profile):
        assert "4111" not in redactor.redact(TEXT, profile=profile).text

    @pytest.mark.parametrize("profile", SHIPPED, ids=lambda profile: profile.name)
    @pytest.mark.parametrize("text", ["", " ", "\n", "Nothing here.", "\U0001f600" * 50, "<A_1>"])
    def test_harmless_text_is_left_alone(self, redactor, profile, text):
        redacted = redactor.redact(text, profile=profile)
        assert redacted.text == text
        assert redacted.findings == ()

    def test_findings_are_ordered_apart_and_of_the_profile(self, redactor):
        text = f"{TEXT} ann@example.org 10.0.0.1 {TEXT}"
        findings = redactor.analyse(text, profile=STANDARD)
        assert len(findings) >= 6
        for before, after in itertools.pairwise(findings):
            assert before.end <= after.start
        for finding in findings:
            assert 0 <= finding.start < finding.end <= len(text)
            assert finding.score >= STANDARD.entities[finding.kind].threshold
            assert finding.recognizer

    def test_findings_lie_where_they_are_in_the_original(self, redactor):
        findings = redactor.analyse(TEXT, profile=STANDARD)
        assert [TEXT[f.start : f.end] for f in findings] == [CARD, CARD]

    def test_what_was_redacted_is_found_no_more(self, redactor):
        for profile in (STRICT, STANDARD, OPEN):
            text = redactor.redact(TEXT, profile=profile).text
            assert redactor.analyse(text, profile=profile) == ()

    def test_numbering_is_one_for_all_texts_of_an_asset(self, redactor):
        first, second = redactor.redact_many([f"a {CARD}", f"b {CARD}"], profile=STANDARD)
        assert first.text == "a <CREDIT_CARD_1>"
        assert second.text == "b <CREDIT_CARD_1>"

    def test_a_book_carries_on(self, redactor):
        book = Numbering()
        book.placeholder("CREDIT_CARD", "other")
        assert redactor.redact(CARD, profile=STANDARD, book=book).text == "<CREDIT_CARD_2>"

    def test_threads_do_not_disturb_each_other(self, redactor):
        texts = [f"n{n} {CARD} x" for n in range(16)]
        with ThreadPoolExecutor(4) as pool:
            shown = list(pool.map(lambda t: redactor.redact(t, profile=STANDARD).text, texts))
        assert shown == [f"n{n} <CREDIT_CARD_1> x" for n in range(16)]

    def test_counts_are_by_kind(self, redactor):
        assert redactor.redact(TEXT, profile=STANDARD).counts() == {"CREDIT_CARD": 2}
