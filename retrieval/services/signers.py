"""Whose signatures on bundles this appliance believes.

Trusted public keys are files in the key folder, not rows: whoever can write to the database, with
the web server's login for one, must not be able to declare himself a signer, and a backup of the
database that is restored must not bring a distrusted key back. The ledger has every change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audit import ledger
from audit.durable import make_private_directory, sync_directory, write_once
from retrieval.encoders.errors import BundleError
from retrieval.encoders.signatures import (
    KeyRefused,
    fingerprint,
    public_key,
    public_pem,
    signature_check,
    signature_read,
)
from retrieval.errors import Invalid, NotVisible

_SHORTEST_PREFIX = 8


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What a bundle's signature is worth: ``key`` is the signer's fingerprint, empty without one.

    ``trusted`` is true only if that key is trusted here and did sign this manifest.
    """

    key: str
    trusted: bool


def signer_trust(*, pem: bytes, actor: UUID | None = None) -> str:
    """Fingerprint of the public key in ``pem``, whose signatures are believed from now on.

    Raises:
        Invalid: that is no Ed25519 public key.
    """
    try:
        key = public_key(pem)
    except KeyRefused as refused:
        raise Invalid(str(refused)) from None
    name = fingerprint(key)
    if name in signers_trusted():
        return name
    with transaction.atomic():
        ledger.record(event="models:signer:trust", actor=actor, refs={"key": name})
    make_private_directory(_folder())
    write_once(_folder() / f"{name}.pem", public_pem(key))
    return name


def signer_distrust(*, key: str, actor: UUID | None = None) -> str:
    """Fingerprint of the key that is believed no more; ``key`` is it or its beginning.

    Bundles it signed stay installed; ``models verify`` names them.

    Raises:
        NotVisible: no such key is trusted. Invalid: the beginning is short or fits several.
    """
    if len(key) < _SHORTEST_PREFIX:
        raise Invalid(f"Name the key by at least {_SHORTEST_PREFIX} of its digits.")
    found = [name for name in signers_trusted() if name.startswith(key.lower())]
    if not found:
        raise NotVisible("No such key is trusted.")
    if len(found) > 1:
        raise Invalid("More than one trusted key begins so.")
    with transaction.atomic():
        # Should the record fail, the key is distrusted all the same.
        (_folder() / f"{found[0]}.pem").unlink(missing_ok=True)
        sync_directory(_folder())
        ledger.record(event="models:signer:distrust", actor=actor, refs={"key": found[0]})
    return found[0]


def signers_trusted() -> list[str]:
    """Fingerprints of the keys whose signatures are believed, sorted."""
    return sorted(path.stem for path in _folder().glob("*.pem"))


def signature_of(*, folder: Path) -> Signed:
    """Whether somebody trusted signed the bundle in ``folder``.

    Raises:
        BundleError: there is a signature and it is malformed, or a trusted key's that does not fit.
    """
    signature = signature_read(folder)
    if signature is None:
        return Signed(key="", trusted=False)
    path = _folder() / f"{signature.key}.pem"
    if not path.is_file():
        return Signed(key=signature.key, trusted=False)
    try:
        key = public_key(path.read_bytes())
    except KeyRefused:
        raise BundleError("bad-key", f"The trusted key {path.stem} cannot be read.") from None
    signature_check(folder, signature, key)
    return Signed(key=signature.key, trusted=True)


def _folder() -> Path:
    return Path(settings.PATHS.keys) / "signers"
