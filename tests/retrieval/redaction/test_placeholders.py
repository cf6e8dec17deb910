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
