"""Words of every day are no names; names in small letters are."""

import pytest

from retrieval.redaction.ner.manifest import BUILTIN
from retrieval.redaction.ner.model import shared_names
from retrieval.redaction.ner.plain import is_plain, known_names

NAMES = known_names(BUILTIN)


@pytest.mark.parametrize(
    ("text", "word", "plain"),
    [
        ("a child playing frisbee", "frisbee", True),
        ("the goalie fell", "goalie", True),
        ("Frisbee again", "Frisbee", False),  # a capital may be a name's
        ("i met mary there", "mary", False),
        ("my name is thandeka", "thandeka", False),
        ("dear zorblax, come home", "zorblax", False),
        ("contact: zorblax", "zorblax", False),
        ("zorblax quuxly", "zorblax quuxly", False),
    ],
)
def test_one_word_in_small_letters_needs_a_reason_to_be_a_name(text, word, plain):
    start = text.index(word)
    assert is_plain(text, start, start + len(word), names=NAMES) is plain


def test_without_a_list_nothing_is_plain(tmp_path):
    assert known_names(tmp_path) == frozenset()
    assert not is_plain("frisbee", 0, 7, names=frozenset())


def test_captions_keep_their_words_and_names_go_all_the_same():
    captions = ["a young kid playing the goalie", "yesterday john smith called about the goalie"]
    first, second = shared_names().spans(captions)
    assert not [one for one in first if one.kind == "PERSON"]
    assert {captions[1][one.start : one.end] for one in second if one.score > 0.5} >= {"john smith"}
