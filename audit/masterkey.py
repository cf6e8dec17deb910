"""The key that wraps all others: from a file, from a passphrase, or beside the data in the demo."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from audit.crypto import KEY_BYTES
from audit.durable import read_bytes, write_once

SALT_BYTES = 16
_URL_SAFE = bytes.maketrans(b"-_", b"+/")  # the other alphabet of base64 (RFC 4648, section 5)
# OWASP Password Storage Cheat Sheet (scrypt): N = 2^17, r = 8, p = 1, which takes 128 MiB once.
SCRYPT_COST = 2**17
SCRYPT_BLOCK = 8
SCRYPT_LANES = 1


class MasterKeyError(Exception):
    """The master key is absent, malformed or not the one that wrapped these keys. Permanent."""


@dataclass(frozen=True)
class MasterKeySource:
    """Where the master key comes from. With neither file, ``master.key`` among the keys (demo)."""

    key_file: Path | None = None
    passphrase_file: Path | None = None


def master_key(directory: Path, source: MasterKeySource, *, create: bool = False) -> bytes:
    """The 32-byte master key for the key store in ``directory``.

    Reads files; a passphrase costs about half a second. With ``create`` a missing salt or demo key
    is made; a key file or passphrase that the operator named is never made.

    Raises:
        MasterKeyError: a file is missing, unreadable or malformed.
    """
    if source.key_file and source.passphrase_file:
        raise MasterKeyError("name either a master key file or a passphrase file, not both")
    if source.key_file:
        return _parse(_read(source.key_file), source.key_file)
    if source.passphrase_file:
        return _stretch(directory, source.passphrase_file, create=create)
    path = directory / "master.key"
    if create:
        write_once(path, os.urandom(KEY_BYTES).hex().encode() + b"\n")
    return _parse(_read(path), path)


def _stretch(directory: Path, passphrase_file: Path, *, create: bool) -> bytes:
    passphrase = _read(passphrase_file).strip(b"\r\n")
    if not passphrase:
        raise MasterKeyError(f"{passphrase_file} is empty")
    salt_file = directory / "master.salt"
    if create:
        write_once(salt_file, os.urandom(SALT_BYTES))
    salt = _read(salt_file)
    if len(salt) != SALT_BYTES:
        raise MasterKeyError(f"{salt_file} has {len(salt)} bytes, not {SALT_BYTES}")
    stretched = Scrypt(
        salt=salt, length=KEY_BYTES, n=SCRYPT_COST, r=SCRYPT_BLOCK, p=SCRYPT_LANES
    ).derive(passphrase)
    return bytes(stretched)


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise MasterKeyError(f"{path} cannot be read ({error.strerror})") from None


def _parse(content: bytes, path: Path) -> bytes:
    if len(content) == KEY_BYTES:
        return content
    text = content.strip()
    if re.fullmatch(rb"[0-9A-Fa-f]{64}", text):
        return bytes.fromhex(text.decode())
    try:
        decoded = base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except binascii.Error:
        decoded = b""
    if len(decoded) != KEY_BYTES:
        raise MasterKeyError(
            f"{path} must hold {KEY_BYTES} bytes: raw, in hexadecimal or in base64"
        )
    return decoded
