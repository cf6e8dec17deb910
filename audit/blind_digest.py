"""The arithmetic of blind indexes: pure, so that the redaction server can use it too.

A digest is HMAC-SHA-256 under a key of one asset, which is derived from the key of a period. So the
same identifier in two assets gives two digests that nobody can link without the period's key; who
holds it finds an identifier by computing its digest for every asset.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

DIGEST_BYTES: Final = 32
_ASSET: Final = b"vitrine blind asset\0"


def asset_key(period_key: bytes, asset_id: UUID) -> bytes:
    """32 bytes: the key of one asset within a period."""
    return hmac.digest(period_key, _ASSET + asset_id.bytes, "sha256")


def digest(key: bytes, *, form: str, value: str) -> bytes:
    """32 bytes that stand for one normalised identifier of one form under an asset's key."""
    return hmac.digest(key, form.encode() + b"\0" + value.encode(), "sha256")
