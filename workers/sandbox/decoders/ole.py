"""OLE compound files: either an encrypted Office document, or an old format that is not taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, Final, NoReturn

from workers.sandbox.reasons import Refusal

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
"""The stream an encrypted OOXML document is kept in ([MS-OFFCRYPTO] 2.3.4.4)."""


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> NoReturn:
    """Never an answer.

    Raises:
        Refusal: password-protected or unknown-type.
    """
    del size, arguments
    previous = b""
    while block := file.read(1 << 20):
        if _ENCRYPTED in previous[-64:] + block:
            raise Refusal("password-protected")
        previous = block
    raise Refusal("unknown-type")
