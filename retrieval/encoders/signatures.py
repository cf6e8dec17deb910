"""Ed25519 signatures over a bundle's manifest, which holds the hash of every file.

``manifest.sig`` lies beside ``manifest.json``: JSON with the algorithm, the key's fingerprint and
the signature of the manifest's bytes (RFC 8032, pure Ed25519), so other tools can check it too. A
fingerprint is the SHA-256 of the 32 bytes of the public key, in hex.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from retrieval.encoders import strict_json
from retrieval.encoders.bundle import SIGNATURE
from retrieval.encoders.errors import BundleError

ALGORITHM = "Ed25519"
_MOST_BYTES = 4096
_SIGNATURE_BYTES = 64
_FINGERPRINT_DIGITS = 64


class KeyRefused(Exception):
    """A key file cannot be used; the message is a plain sentence."""


@dataclass(frozen=True)
class Signature:
    """Who says to have signed, by fingerprint, and the 64 bytes."""

    key: str
    signature: bytes


def fingerprint(public: Ed25519PublicKey) -> str:
    """SHA-256 in hex of the key's 32 bytes."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()


def key_generate(path: Path, *, passphrase: bytes | None = None) -> Ed25519PublicKey:
    """A new key: the private half in ``path`` (0600, PKCS 8), the public half in ``path``.pub.

    Raises:
        KeyRefused: one of the files exists, or cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    _write_new(path, secret, 0o600)
    _write_new(path.with_name(path.name + ".pub"), public_pem(public), 0o644)
    return public


def private_key(data: bytes, *, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """The private key in a PEM file's ``data``.

    Raises:
        KeyRefused: it is none, of another kind, or the passphrase is missing or wrong.
    """
    try:
        key = serialization.load_pem_private_key(data, password=passphrase)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise KeyRefused(
            "That is no private key, or its passphrase is missing or another one."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused("The key is not an Ed25519 key.")
    return key


def public_key(data: bytes) -> Ed25519PublicKey:
    """The public key in a PEM file's ``data``.

    Raises:
        KeyRefused: it is none, or of another kind.
    """
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused("That is no public key.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRefused("The key is not an Ed25519 key.")
    return key


def public_pem(public: Ed25519PublicKey) -> bytes:
    """The key as a PEM file holds it (RFC 8410)."""
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(folder: Path, private: Ed25519PrivateKey) -> str:
    """Fingerprint of the key, once ``manifest.sig`` says that it signed the manifest as it is.

    Raises:
        OSError: the manifest cannot be read, or the signature not written.
    """
    signature = private.sign((folder / "manifest.json").read_bytes())
    key = fingerprint(private.public_key())
    body = {
        "algorithm": ALGORITHM,
        "key": key,
        "signature": base64.b64encode(signature).decode("ascii"),
    }
    part = folder / f"{SIGNATURE}.part"
    part.write_text(json.dumps(body, indent=1) + "\n", encoding="ascii")
    part.replace(folder / SIGNATURE)
    return key


def signature_read(folder: Path) -> Signature | None:
    """The bundle's signature, not checked against any key; None where there is none.

    Raises:
        BundleError: ``manifest.sig`` is not in the expected form.
    """
    try:
        with (folder / SIGNATURE).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        body = strict_json.loads(data, most_bytes=_MOST_BYTES)
        if body.keys() != {"algorithm", "key", "signature"} or body["algorithm"] != ALGORITHM:
            raise ValueError("another form")  # noqa: TRY301 - one error for every other form
        signature = base64.b64decode(body["signature"], validate=True)
        key = body["key"]
        if len(signature) != _SIGNATURE_BYTES or not _is_fingerprint(key):
            raise ValueError("another form")  # noqa: TRY301 - as above
    except (strict_json.JsonRefused, AttributeError, TypeError, ValueError, binascii.Error):
        raise BundleError(
            "bad-signature", f"{SIGNATURE} is not in the form of an Ed25519 signature."
        ) from None
    return Signature(key, signature)


def signature_check(folder: Path, signature: Signature, public: Ed25519PublicKey) -> None:
    """Nothing, if ``public`` signed the manifest as it lies in the folder.

    Raises:
        BundleError: it did not.
    """
    if fingerprint(public) != signature.key:
        raise BundleError("bad-signature", "The signature is another key's.")
    try:
        public.verify(signature.signature, (folder / "manifest.json").read_bytes())
    except InvalidSignature:
        raise BundleError(
            "bad-signature", "The signature does not fit the manifest: one of them was changed."
        ) from None


def _is_fingerprint(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) == _FINGERPRINT_DIGITS
        and not set(value) - set("0123456789abcdef")
    )


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError:
        raise KeyRefused(f"{path} exists and is not overwritten.") from None
    except OSError as error:
        raise KeyRefused(f"{path} cannot be written: {error.strerror}.") from None
