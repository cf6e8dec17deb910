"""Signatures over manifests: made and checked with keys in files, in a form others can check."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from retrieval.encoders.errors import BundleError
from retrieval.encoders.signatures import (
    KeyRefused,
    fingerprint,
    key_generate,
    private_key,
    public_key,
    sign,
    signature_check,
    signature_read,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_bytes(b'{"format": 1}')
    return tmp_path / "bundle"


def test_a_signature_is_checked_by_its_key_alone(folder: Path) -> None:
    private, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    assert signature_read(folder) is None
    assert sign(folder, private) == fingerprint(private.public_key())
    signature = signature_read(folder)
    assert signature is not None
    assert signature.key == fingerprint(private.public_key())
    signature_check(folder, signature, private.public_key())
    # Any other tool: the file holds the plain Ed25519 signature of the manifest's bytes.
    said = json.loads((folder / "manifest.sig").read_bytes())
    plain = base64.b64decode(said["signature"])
    private.public_key().verify(plain, (folder / "manifest.json").read_bytes())
    with pytest.raises(BundleError, match="another key"):
        signature_check(folder, signature, other.public_key())
    (folder / "manifest.json").write_bytes(b'{"format": 2}')
    with pytest.raises(BundleError, match="was changed"):
        signature_check(folder, signature, private.public_key())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"algorithm": "none", "key": "' + b"0" * 64 + b'", "signature": ""}',
        b'{"algorithm": "Ed25519", "key": "../../x", "signature": "' + b"A" * 88 + b'"}',
        b'{"algorithm": "Ed25519", "key": "' + b"0" * 64 + b'", "signature": "AAAA"}',
        b'{"algorithm": "Ed25519", "key": 3, "signature": 4}',
        b" " * 5000,
    ],
)
def test_another_form_is_refused(folder: Path, data: bytes) -> None:
    (folder / "manifest.sig").write_bytes(data)
    with pytest.raises(BundleError) as refused:
        signature_read(folder)
    assert refused.value.code == "bad-signature"


def test_keys_are_made_once_and_kept_to_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "team.pem"
    public = key_generate(path, passphrase=b"long words")
    assert path.stat().st_mode & 0o777 == 0o600
    assert fingerprint(public_key((tmp_path / "team.pem.pub").read_bytes())) == fingerprint(public)
    again = private_key(path.read_bytes(), passphrase=b"long words")
    assert fingerprint(again.public_key()) == fingerprint(public)
    for passphrase in (None, b"other"):
        with pytest.raises(KeyRefused, match="passphrase"):
            private_key(path.read_bytes(), passphrase=passphrase)
    with pytest.raises(KeyRefused, match="not overwritten"):
        key_generate(path)


def test_keys_of_another_kind_are_refused() -> None:
    other = ed448.Ed448PrivateKey.generate()
    secret = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(KeyRefused, match="Ed25519"):
        private_key(secret)
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(KeyRefused, match="Ed25519"):
        public_key(public)
    for data in (b"", b"no key", secret):
        with pytest.raises(KeyRefused):
            public_key(data)
