from retrieval.redaction.base import EntityRule, Finding, Profile
from retrieval.redaction.placeholders import Numbering, blank, render
from retrieval.redaction.profiles import STANDARD


def finding(kind, start, end):
    return Finding(kind=kind, start=start, end=end, score=1.0, recognizer="r")


def test_the_same_value_has_the_same_number_however_it_is_written():
    book = Numbering()
    assert book.placeholder("PHONE_NUMBER", "020 7946 0958") == "<PHONE_NUMBER_1>"
    assert book.placeholder("PHONE_NUMBER", "020-79460958") == "<PHONE_NUMBER_1>"
    assert book.placeholder("PHONE_NUMBER", "020 7946 0959") == "<PHONE_NUMBER_2>"
    assert book.placeholder("EMAIL_ADDRESS", "A@x.org") == "<EMAIL_ADDRESS_1>"
    assert book.placeholder("EMAIL_ADDRESS", "a@X.org") == "<EMAIL_ADDRESS_1>"


def test_mask_keeps_the_shape_and_no_letter_or_digit():
    profile = Profile(
        name="t", version=1, entities={"CREDIT_CARD": EntityRule(threshold=0.5, operator="mask")}
    )
    text = "card 4111-1111 end"
    shown = render(text, [finding("CREDIT_CARD", 5, 14)], profile=profile, book=Numbering())
    assert shown == "card ****-**** end"


def test_replace_leaves_everything_else_as_it_was():
    text = "a x@y.org b x@y.org c"
    found = [finding("EMAIL_ADDRESS", 2, 9), finding("EMAIL_ADDRESS", 12, 19)]
    shown = render(text, found, profile=STANDARD, book=Numbering())
    assert shown == "a <EMAIL_ADDRESS_1> b <EMAIL_ADDRESS_1> c"


def test_placeholders_are_blanked_at_the_same_length_and_look_alikes_are_not():
    text = "a <EMAIL_ADDRESS_12> b <4111111111111111> <person_1> <X_123456789012>"
    seen = blank(text)
    assert len(seen) == len(text)
    assert "EMAIL" not in seen
    assert seen.endswith(" b <4111111111111111> <person_1> <X_123456789012>")


def test_a_hash_is_the_same_under_one_key_and_another_under_the_next():
    book, other = Numbering(hash_key=b"k" * 32), Numbering(hash_key=b"l" * 32)
    shown = book.hashed("EMAIL_ADDRESS", "A@x.org")
    assert shown == Numbering(hash_key=b"k" * 32).hashed("EMAIL_ADDRESS", "a@x.org")
    assert shown not in {
        other.hashed("EMAIL_ADDRESS", "a@x.org"),
        book.hashed("EMAIL_ADDRESS", "b@x.org"),
        book.hashed("PERSON", "a@x.org"),
    }
    assert blank(shown).strip("\u2588") == ""
    assert Numbering().hashed("PERSON", "Ann") == "<PERSON_1>"


def test_what_is_taken_out_is_noted_whatever_stands_in_its_place():
    operators = {"EMAIL_ADDRESS": "replace", "PERSON": "hash", "PHONE_NUMBER": "mask"}
    profile = Profile(
        name="t",
        version=1,
        entities={k: EntityRule(threshold=0.5, operator=o) for k, o in operators.items()},
    )
    book = Numbering(hash_key=b"k" * 32)
    found = [
        finding("EMAIL_ADDRESS", 0, 6),
        finding("PERSON", 7, 10),
        finding("PHONE_NUMBER", 11, 15),
    ]
    render("a@x.yz Ann 1234", found, profile=profile, book=book)
    assert book.seen == (("EMAIL_ADDRESS", "a@x.yz"), ("PERSON", "Ann"), ("PHONE_NUMBER", "1234"))
