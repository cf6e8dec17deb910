"""Signatures: what they bind, and that nothing else passes."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from audit import signing

BODY = {"b": [1, 2.5, None, True], "a": {"é": "😀", "n": "line\n"}}


def test_a_signature_holds_for_its_body_and_purpose_alone():
    mark = signing.sign("receipt", BODY)
    assert set(mark) == {"purpose", "key_id", "alg", "signature"}
    assert signing.verify("receipt", BODY, mark)
    assert signing.verify("receipt", dict(reversed(BODY.items())), mark)  # order says nothing
    assert not signing.verify("receipt", {**BODY, "c": 1}, mark)
    assert not signing.verify("checkpoint", BODY, mark)
    without = {key: value for key, value in mark.items() if key != "purpose"}
    assert signing.verify("receipt", BODY, without)
    assert not signing.verify("checkpoint", BODY, without)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"key_id": "0" * 32},
        {"key_id": None},
        {"signature": ""},
        {"signature": "not base64"},
        {"signature": base64.b64encode(bytes(64)).decode()},
        {"purpose": "other"},
    ],
)
def test_a_bent_signature_is_none(change):
    assert not signing.verify("receipt", BODY, {**signing.sign("receipt", BODY), **change})


def test_another_appliances_key_does_not_pass_unless_it_is_named():
    stranger = Ed25519PrivateKey.generate()
    mark = signing.signed_with(stranger, "receipt", BODY)
    assert not signing.verify("receipt", BODY, mark)
    named = signing.keys_of_pem(signing.pem_of(stranger.public_key()).encode())
    assert signing.verify("receipt", BODY, mark, keys=named)


def test_the_key_stays_and_its_pem_is_what_checks():
    keys = signing.keys_of_pem(signing.public_key_pem().encode())
    assert list(keys) == [signing.current_key_id()] == list(signing.public_keys())
    assert signing.sign("a", BODY) == signing.sign("a", BODY)  # Ed25519 is deterministic


def test_a_signed_document_is_its_body_and_one_member():
    document = signing.signed("receipt", BODY)
    mark = document.pop("signature")
    assert document == BODY
    assert signing.verify("receipt", document, mark)
    with pytest.raises(ValueError, match="signature"):
        signing.signed("receipt", {"signature": 1})


@pytest.mark.parametrize("purpose", ["", "A", "a b", "a\n", "a/b", "x" * 65])
def test_a_purpose_is_a_plain_word(purpose):
    with pytest.raises(ValueError, match="purpose"):
        signing.sign(purpose, {})


def test_pem_of_another_kind_is_refused():
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="Ed25519"):
        signing.keys_of_pem(pem)
    with pytest.raises(ValueError, match="no public key"):
        signing.keys_of_pem(b"nothing")


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_bodies_never_share_what_is_signed(one, other):
    if one != other:
        assert signing.message("p", {"t": one}) != signing.message("p", {"t": other})
