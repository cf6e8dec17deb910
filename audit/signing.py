r"""Signatures of this appliance: Ed25519 (RFC 8032) over a purpose and RFC 8785 canonical JSON.

What is signed is ``b"vitrine/<purpose>/1\n"`` followed by the canonical form of the body, so that
a signature made for one purpose says nothing for another. The private key is a key of the key store
("system", "signing-ed25519"); after a rotation "signing-ed25519.2" and so on. A document that
leaves the appliance has its signature as its member ``signature``: the body is the rest of it.

``audit.standalone.vitrine_verify`` checks all of this elsewhere, and shares no code with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from audit.keystore import KeyDestroyed, KeyMissing, default_keystore

ALGORITHM = "Ed25519"
KEY_NAME = "signing-ed25519"
_MOST_KEYS = 10_000
_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,63}")
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


class Signature(TypedDict):
    """A signature and what is needed to check it: ``signature`` is base64, 64 bytes."""

    purpose: str
    key_id: str
    alg: str
    signature: str


def sign(purpose: str, body: Mapping[str, Any]) -> Signature:
    """The appliance's signature over ``body`` for ``purpose``. Reads the key store.

    Raises:
        ValueError: not a purpose's name, or something in the body that JSON cannot say.
    """
    return signed_with(Ed25519PrivateKey.from_private_bytes(current_seed()), purpose, body)


def signed(purpose: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` with its member ``signature``: a document that ``vitrine_verify receipt`` checks.

    Raises:
        ValueError: the body has such a member already; and as ``sign``.
    """
    if "signature" in body:
        raise ValueError("the body of a signed document has no member called signature")
    return {**body, "signature": sign(purpose, body)}


def verify(
    purpose: str,
    body: Mapping[str, Any],
    signature: Mapping[str, Any],
    *,
    keys: Mapping[str, Ed25519PublicKey] | None = None,
) -> bool:
    """Whether ``signature`` is one over ``body`` for ``purpose``, by one of ``keys`` (by key id).

    Without ``keys``: by a key that is in the key store now. Keys of before a rotation are told by
    ``audit.rotation.known_keys``.
    """
    known = public_keys() if keys is None else keys
    key = known.get(str(signature.get("key_id")))
    if key is None or signature.get("alg") != ALGORITHM:
        return False
    if signature.get("purpose", purpose) != purpose:
        return False
    try:
        mark = base64.b64decode(str(signature.get("signature", "")), validate=True)
        key.verify(mark, message(purpose, body))
    except (binascii.Error, InvalidSignature, ValueError):
        return False
    return True


def message(purpose: str, body: Mapping[str, Any]) -> bytes:
    """The bytes that are signed.

    Raises:
        ValueError: not a purpose's name, or something in the body that JSON cannot say.
    """
    if not _PURPOSE.fullmatch(purpose):
        raise ValueError("a purpose is written with small letters, digits and dashes")
    form: bytes = rfc8785.dumps(dict(body))
    return f"vitrine/{purpose}/1\n".encode() + form


def signed_with(private: Ed25519PrivateKey, purpose: str, body: Mapping[str, Any]) -> Signature:
    """A signature by a given key."""
    mark = private.sign(message(purpose, body))
    return {
        "purpose": purpose,
        "key_id": key_id_of(private.public_key()),
        "alg": ALGORITHM,
        "signature": base64.b64encode(mark).decode(),
    }


def key_id_of(public: Ed25519PublicKey) -> str:
    """A public key's name: the first 32 hexadecimal digits of SHA-256 over its 32 bytes."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:32]


def current_key_id() -> str:
    """The name of the key that signs now."""
    return key_id_of(Ed25519PrivateKey.from_private_bytes(current_seed()).public_key())


def public_keys() -> dict[str, Ed25519PublicKey]:
    """Public keys by name of the private ones in the key store: one, or two amid a rotation."""
    current_seed()
    made = [
        Ed25519PrivateKey.from_private_bytes(default_keystore().get("system", name)).public_key()
        for name in living_names()
    ]
    return {key_id_of(one): one for one in made}


def public_key_pem() -> str:
    """The public key of the one that signs now, for whoever checks elsewhere (PEM)."""
    private = Ed25519PrivateKey.from_private_bytes(current_seed())
    return pem_of(private.public_key())


def pem_of(public: Ed25519PublicKey) -> str:
    """A public key as PEM (SubjectPublicKeyInfo, RFC 8410)."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def keys_of_pem(text: bytes) -> dict[str, Ed25519PublicKey]:
    """Ed25519 public keys by name from one or more PEM blocks.

    Raises:
        ValueError: none in it, or one of another kind.
    """
    found: dict[str, Ed25519PublicKey] = {}
    for block in _PEM.findall(text):
        key = load_pem_public_key(block)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("a key that is not Ed25519")  # noqa: TRY004 - a file's content, not a type
        found[key_id_of(key)] = key
    if not found:
        raise ValueError("there is no public key in it")
    return found


def living_names() -> list[str]:
    """Names in the key store of signing keys that are not destroyed, the oldest first."""
    numbered = _numbered(default_keystore().ids("system"))
    return [name for _, name in sorted(numbered)]


def name_of(generation: int) -> str:
    """The name in the key store of the first, second, … signing key."""
    return KEY_NAME if generation == 1 else f"{KEY_NAME}.{generation}"


def generation_of(name: str) -> int:
    """The inverse of ``name_of``."""
    return int(name.rpartition(".")[2]) if "." in name else 1


def current_seed() -> bytes:
    """The 32 bytes of the private key that signs now: the oldest one that is not destroyed.

    A rotation therefore takes effect with the destruction of the old key and at no time before. The
    first call of all makes the first key.
    """
    keys = default_keystore()
    for generation in range(1, _MOST_KEYS):
        try:
            return keys.get("system", name_of(generation))
        except KeyDestroyed:
            continue
        except KeyMissing:
            return keys.get_or_create("system", name_of(generation))
    raise KeyMissing("no signing key")


def _numbered(names: Iterable[str]) -> list[tuple[int, str]]:
    ours = [n for n in names if n == KEY_NAME or re.fullmatch(rf"{KEY_NAME}\.[0-9]+", n)]
    return [(generation_of(name), name) for name in ours]
