"""Keyed hashes of identifiers: found again however written, linked by nobody without the key."""

from uuid import UUID

from audit.blind_digest import asset_key, digest
from retrieval.redaction.blind import blind_entries, forms_of

KEYS = [asset_key(b"p" * 32, UUID(int=n)) for n in (1, 2)]


def found(identifier, entries, key):
    kept = {(entry.kind, entry.digest) for entry in entries}
    return any(
        (form, digest(key, form=form, value=value).hex()) in kept
        for form, value in forms_of(identifier)
    )


def test_what_was_taken_out_is_found_however_it_is_asked_for():
    seen = [
        ("EMAIL_ADDRESS", "Jane.Doe@Example.org"),
        ("PHONE_NUMBER", "020 7946 0958"),
        ("UK_NINO", "AB 12 34 56 C"),
        ("PERSON", "Dr Jane Döe"),
    ]
    entries = blind_entries(seen, key=KEYS[0])
    for asked in ("jane.doe@example.org", "+44 20 7946 0958", "ab123456c", "doe, jane"):
        assert found(asked, entries, KEYS[0]), asked
        assert not found(asked, entries, KEYS[1])
    for asked in ("john@example.org", "020 7946 0959", "AB123457C", "Jane Roe", "", "-"):
        assert not found(asked, entries, KEYS[0]), asked


def test_equal_values_have_nothing_in_common_across_assets():
    one, two = (blind_entries([("EMAIL_ADDRESS", "a@x.org")], key=key) for key in KEYS)
    assert {e.digest for e in one}.isdisjoint(e.digest for e in two)
    assert one == blind_entries([("EMAIL_ADDRESS", "A@X.ORG")], key=KEYS[0])


def test_only_what_identifies_somebody_is_kept_and_nothing_without_a_key():
    assert blind_entries([("CREDIT_CARD", "4111111111111111"), ("URL", "x.org")], key=KEYS[0]) == ()
    assert blind_entries([("EMAIL_ADDRESS", "a@x.org")], key=b"") == ()
