"""Words never taken out, words always taken out, and what is left to a steward."""

from dataclasses import replace

import pytest

from retrieval.redaction.base import EntityRule, Finding
from retrieval.redaction.engine import Engine
from retrieval.redaction.errors import RedactionTimeoutError
from retrieval.redaction.kinds import DENIED
from retrieval.redaction.profiles import STANDARD
from retrieval.redaction.text import StructuredTextRedactor


@pytest.fixture(scope="module")
def redactor():
    return StructuredTextRedactor(Engine())


DENY = replace(STANDARD, deny=("Project Falcon", "Löwenzahn", "Bob"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("about project falcon now", "about <DENIED_1> now"),
        ("about PROJECT  FALCON now", "about <DENIED_1> now"),
        ("about Project\nFalcon now", "about <DENIED_1> now"),
        ("about Pro-\nject Fal-\n  con now", "about <DENIED_1> now"),
        ("about project_falcon now", "about <DENIED_1> now"),
        ("> about Project\n> Falcon now", "> about <DENIED_1> now"),
        ("der LOWENZAHN", "der <DENIED_1>"),
        ("der Löwen\u00adzahn", "der <DENIED_1>"),
        ("Bob, bobby and kebob", "<DENIED_1>, bobby and kebob"),
        ("projectile falcons", "projectile falcons"),
    ],
)
def test_denied_words_go_however_they_are_broken(redactor, text, shown):
    assert redactor.redact(text, profile=DENY).text == shown


def test_denied_words_are_found_again_by_the_second_look(redactor):
    again = StructuredTextRedactor(Engine(), again=True)
    assert [f.kind for f in again.analyse("see Bob", profile=DENY)] == [DENIED]
    shown = redactor.redact("see Bob", profile=DENY).text
    assert again.analyse(shown, profile=DENY) == ()


def test_allowed_words_stay_whatever_their_case(redactor):
    profile = replace(STANDARD, allow=("info@Example.org", "+44 20 7946 0958"))
    text = "INFO@example.org, ann@example.org, +44 20  7946 0958"
    assert redactor.redact(text, profile=profile).text == (
        "INFO@example.org, <EMAIL_ADDRESS_1>, +44 20  7946 0958"
    )


def test_what_only_begins_with_an_allowed_word_goes(redactor):
    profile = replace(STANDARD, allow=("ann",))
    assert redactor.redact("ann@example.org", profile=profile).text == "<EMAIL_ADDRESS_1>"


def test_a_word_both_allowed_and_denied_goes(redactor):
    profile = replace(STANDARD, allow=("Bob",), deny=("bob",))
    assert redactor.redact("see Bob", profile=profile).text == "see <DENIED_1>"


def test_the_doubtful_stays_in_and_is_shown_where_it_is_then(redactor):
    rule = EntityRule(threshold=0.4, review=0.1)
    profile = replace(STANDARD, entities={**STANDARD.entities, "DATE_OF_BIRTH": rule})
    text = "ann@example.org came on 12 March 1980"
    done = redactor.redact(text, profile=profile)
    assert done.text == "<EMAIL_ADDRESS_1> came on 12 March 1980"
    assert [(f.kind, done.text[f.start : f.end]) for f in done.low] == [
        ("DATE_OF_BIRTH", "12 March 1980")
    ]
    assert [text[f.start : f.end] for f in redactor.analyse_low(text, profile=profile)] == [
        "12 March 1980"
    ]
    assert not any(f.kind == "DATE_OF_BIRTH" for f in done.findings)


class Animals:
    """A model that knows one word, and says so in batches."""

    name = "animals"
    version = "7"
    kinds = frozenset({"PERSON", "TITLE"})

    def __init__(self):
        self.batches = []

    def spans(self, texts):
        self.batches.append(len(texts))
        found = []
        for text in texts:
            at = text.find("Falcon")
            one = Finding(kind="PERSON", score=0.9, recognizer="animals", start=at, end=at + 6)
            found.append([one] if at >= 0 else [])
        return found


def test_models_are_asked_in_batches_and_named_in_the_version():
    model = Animals()
    redactor = StructuredTextRedactor(Engine(models=[model]), core_chars=1_000)
    text = "word " * 600 + "Falcon flew. " + "word " * 600
    assert redactor.redact(text, profile=STANDARD).counts() == {"PERSON": 1}
    assert max(model.batches) > 1
    assert redactor.version.endswith("+animals-7")


def test_a_model_that_does_not_finish_lets_nothing_pass():
    class Slow(Animals):
        def spans(self, texts):
            raise RedactionTimeoutError("slow")

    with pytest.raises(RedactionTimeoutError):
        StructuredTextRedactor(Engine(models=[Slow()])).redact("some text", profile=STANDARD)


def test_a_recogniser_that_takes_too_long_lets_nothing_pass(redactor, monkeypatch):
    monkeypatch.setattr("retrieval.redaction.engine.RECOGNIZER_LIMIT_SECONDS", -1.0)
    with pytest.raises(RedactionTimeoutError):
        redactor.redact("4111 1111 1111 1111", profile=STANDARD)
