import pytest

from retrieval.redaction.identifiers import identity, normalise_identifier

SAME = [
    ("EMAIL_ADDRESS", "Ann.Lee@Example.ORG", "ann.lee@example.org"),
    ("EMAIL_ADDRESS", "ann.lee (at) example (dot) org", "ann.lee@example.org"),
    ("EMAIL_ADDRESS", "ann.lee%40example.org", "mailto:ann.lee@example.org"),
    ("EMAIL_ADDRESS", "ann.lee@exam\nple.org", "ann.lee@example.org"),
    ("PHONE_NUMBER", "+44 20 7946 0958", "020 7946 0958"),
    ("PHONE_NUMBER", "0044 20 7946 0958", "+44 (0)20 7946 0958"),
    ("PHONE_NUMBER", "(212) 555-0187", "+1 212 555 0187"),
    ("PHONE_NUMBER", "212.555.0187 x12", "2125550187"),
    ("PHONE_NUMBER", "06 12 34 56 78", "+33612345678"),
    ("US_SSN", "078-05-1120", "078 05 1120"),
    ("IBAN_CODE", "de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    ("UK_NINO", "ab 12 34 56 c", "AB123456C"),
    ("PERSON", "Dr. José  García", "garcia, jose"),
    ("PERSON", "MÜLLER Jürgen", "Jürgen Müller"),
]


@pytest.mark.parametrize(("kind", "one", "other"), SAME)
def test_however_written_it_is_the_same(kind, one, other):
    assert set(normalise_identifier(kind, one)) & set(normalise_identifier(kind, other))


DIFFERENT = [
    ("EMAIL_ADDRESS", "ann@example.org", "ann@example.com"),
    ("PHONE_NUMBER", "+44 20 7946 0958", "+44 20 7946 0959"),
    ("US_SSN", "078-05-1120", "078-05-1121"),
    ("PERSON", "Ann Lee", "Ann Leigh"),
    ("PERSON", "Dr. No", "Mr. Yes"),
]


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT)
def test_others_share_no_form(kind, one, other):
    assert not set(normalise_identifier(kind, one)) & set(normalise_identifier(kind, other))


def test_a_number_that_may_be_of_several_countries_has_a_form_for_each():
    forms = normalise_identifier("PHONE_NUMBER", "612 345 678")
    assert "+34612345678" in forms
    assert len(forms) > 1


@pytest.mark.parametrize("kind", ["EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "PERSON"])
def test_nothing_is_no_identifier(kind):
    assert normalise_identifier(kind, " - ") == ()


@pytest.mark.parametrize("value", ["", "-", "\u200b", "a", "\u0661"])
def test_identity_never_fails(value):
    for kind in ("EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN"):
        assert isinstance(identity(kind, value), str)
