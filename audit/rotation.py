"""A new signing key in place of the old one, vouched for by both, so that proofs of before hold.

The ledger gets an entry ``audit:signing-key:rotate`` whose payload is a statement that names both
public keys and is signed with both private ones. Whoever trusts one of the keys can so trust the
other, here and in an export. After that the old private key is destroyed; its public one stays in
the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.db import transaction
from django.utils import timezone

from audit import ledger, signing
from audit.chain import canonical_time
from audit.keystore import default_keystore
from audit.models import LedgerEntry, LedgerPending

logger = structlog.get_logger("vitrine.ledger")

EVENT = "audit:signing-key:rotate"
PURPOSE = "key-rotation"


def key_rotate(*, by: UUID | None) -> str:
    """The name of the key that signs from now on.

    Cut off at any point it can be called again: the old key signs until it is destroyed, which is
    the last step, and a new key that was made before is taken.
    """
    keys = default_keystore()
    old = Ed25519PrivateKey.from_private_bytes(signing.current_seed())
    name = signing.living_names()[0]
    following = signing.name_of(signing.generation_of(name) + 1)
    new = Ed25519PrivateKey.from_private_bytes(keys.get_or_create("system", following))
    body = {
        "type": "vitrine-key-rotation",
        "at": canonical_time(timezone.now()),
        "old": signing.pem_of(old.public_key()),
        "new": signing.pem_of(new.public_key()),
    }
    marks = [dict(signing.signed_with(one, PURPOSE, body)) for one in (old, new)]
    with transaction.atomic():
        ledger.record(
            event=EVENT,
            actor=by,
            refs={
                "old": signing.key_id_of(old.public_key()),
                "new": signing.key_id_of(new.public_key()),
            },
            payload={**body, "signatures": marks},
        )
        transaction.on_commit(lambda: keys.destroy("system", name))
    made = signing.key_id_of(new.public_key())
    logger.info("signing_key_rotated", key=made)
    return made


def known_keys(
    trusted: Mapping[str, Ed25519PublicKey] | None = None,
) -> dict[str, Ed25519PublicKey]:
    """Public keys by name: ``trusted`` (by default those in the key store) and all vouched for."""
    said = [
        payload
        for model in (LedgerEntry, LedgerPending)
        for event, payload in model.objects.filter(event=EVENT).values_list("event", "payload")
    ]
    statements = [ledger.payload_read(event=EVENT, payload=one) or {} for one in said]
    return vouched(signing.public_keys() if trusted is None else trusted, statements)


def vouched(
    trusted: Mapping[str, Ed25519PublicKey], statements: Iterable[Mapping[str, Any]]
) -> dict[str, Ed25519PublicKey]:
    """``trusted`` and every key that a chain of statements leads to from there, either way."""
    pairs = [pair for one in statements if (pair := _pair(one)) is not None]
    found = dict(trusted)
    grown = True
    while grown:
        grown = False
        for pair in pairs:
            if pair.keys() & found.keys() and not pair.keys() <= found.keys():
                found.update(pair)
                grown = True
    return found


def _pair(statement: Mapping[str, Any]) -> dict[str, Ed25519PublicKey] | None:
    """Both keys of a statement if both have signed it."""
    body = {key: value for key, value in statement.items() if key != "signatures"}
    marks = statement.get("signatures")
    try:
        pair = signing.keys_of_pem(f"{body['old']}\n{body['new']}".encode())
        held = len(pair) == 2 and all(  # noqa: PLR2004 - the old and the new one
            any(
                mark["key_id"] == name and signing.verify(PURPOSE, body, mark, keys=pair)
                for mark in marks or ()
            )
            for name in pair
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return pair if held else None
