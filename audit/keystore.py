"""Keys outside Postgres, one small file each, so that destroying one destroys what it encrypts.

A key is 32 random bytes wrapped by the master key (AES-256-GCM, bound to its kind and id) in
``<directory>/<kind>/<ab>/<id>``. Destroying overwrites and removes that file and leaves an empty
``<id>.destroyed`` beside it: from then on ``get`` and ``get_or_create`` raise ``KeyDestroyed``, so
a destroyed key can never come back silently under the same name. Unwrapped keys stay in a process
for at most ``CACHE_SECONDS``: that long, and no longer, another process may still use a key after
``destroy``.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

from audit.crypto import KEY_BYTES, DecryptionError, decrypt_small, encrypt_small
from audit.durable import make_private_directory, overwrite_and_remove, read_bytes, write_once
from audit.masterkey import MasterKeyError, MasterKeySource, master_key

KINDS = frozenset({"asset", "subject", "actor", "period", "collection", "system"})
CACHE_SECONDS = 30.0
CACHE_KEYS = 256
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DESTROYED = ".destroyed"
_CHECK = b"vitrine key store"


class KeyMissing(Exception):
    """No key was ever made under this kind and id. Permanent."""


class KeyDestroyed(Exception):
    """The key was destroyed, and with it what it encrypted. Permanent."""


class KeyStore:
    """Wrapped keys in a directory.

    Opening reads the master key and checks it against the store's check value.

    Raises:
        MasterKeyError: no store here yet, or another master key than the one that made it.
    """

    def __init__(self, directory: Path, source: MasterKeySource | None = None) -> None:
        self._directory = directory
        self._master = master_key(directory, source or MasterKeySource())
        self._cache: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._check()

    @classmethod
    def initialise(cls, directory: Path, source: MasterKeySource | None = None) -> KeyStore:
        """The store in ``directory``; if missing, made with its demo key or salt and check value.

        Raises:
            MasterKeyError: the master key cannot be read, or is not this store's.
        """
        make_private_directory(directory)
        check = directory / "check"
        master = master_key(directory, source or MasterKeySource(), create=not check.exists())
        write_once(check, encrypt_small(master, _CHECK, purpose="check", object_id="master"))
        return cls(directory, source)

    def get(self, kind: str, key_id: str) -> bytes:
        """The 32-byte key.

        Raises:
            KeyMissing: never made.
            KeyDestroyed: made once and destroyed.
            MasterKeyError: the file does not open under this master key.
        """
        path = self._path(kind, key_id)
        cached = self._from_cache(kind, key_id)
        if cached is not None:
            return cached
        self._refuse_destroyed(path)
        try:
            wrapped = read_bytes(path)
        except FileNotFoundError:
            self._refuse_destroyed(path)  # destroyed between the two looks
            raise KeyMissing(f"no {kind} key {key_id}") from None
        try:
            key = decrypt_small(self._master, wrapped, purpose=f"key/{kind}", object_id=key_id)
        except DecryptionError:
            self._refuse_destroyed(path)  # read while being overwritten
            raise MasterKeyError(
                f"the {kind} key {key_id} is damaged or under another key"
            ) from None
        self._to_cache(kind, key_id, key)
        return key

    def get_or_create(self, kind: str, key_id: str) -> bytes:
        """The 32-byte key, made if there was none. Two processes that ask at once get the same one.

        Raises:
            KeyDestroyed: made once and destroyed.
        """
        try:
            return self.get(kind, key_id)
        except KeyMissing:
            path = self._path(kind, key_id)
            key = os.urandom(KEY_BYTES)
            write_once(
                path, encrypt_small(self._master, key, purpose=f"key/{kind}", object_id=key_id)
            )
            return self.get(kind, key_id)

    def destroy(self, kind: str, key_id: str) -> None:
        """Overwrites and removes the key, made or not, for good. Doing it twice is harmless."""
        path = self._path(kind, key_id)
        with self._lock:
            self._cache.pop((kind, key_id), None)
        write_once(self._tombstone(path), b"")
        overwrite_and_remove(path)
        with self._lock:
            self._cache.pop((kind, key_id), None)

    def ids(self, kind: str) -> list[str]:
        """Ids of the living keys of one kind. Reads the directory: for kinds that have few."""
        self._path(kind, "x")
        names = {file.name for file in (self._directory / kind).glob("??/*")}
        living = {n for n in names if not n.endswith(_DESTROYED) and n + _DESTROYED not in names}
        return sorted(n for n in living if _ID.fullmatch(n))

    def prune_tombstones(self, kind: str, *, older_than_seconds: float) -> int:
        """How many marks of destroyed keys were removed; for kinds whose ids never come back."""
        limit = time.time() - older_than_seconds
        removed = 0
        for mark in (self._directory / kind).glob(f"??/*{_DESTROYED}"):
            if mark.stat().st_mtime < limit:
                mark.unlink(missing_ok=True)
                removed += 1
        return removed

    def _path(self, kind: str, key_id: str) -> Path:
        if kind not in KINDS:
            raise ValueError(f"no kind of key is called {kind}")
        if not _ID.fullmatch(key_id) or key_id.endswith(_DESTROYED):
            raise ValueError("a key's id is 1 to 100 letters, digits, dots, dashes and underscores")
        fan = hashlib.sha256(key_id.encode()).hexdigest()[:2]
        return self._directory / kind / fan / key_id

    @staticmethod
    def _tombstone(path: Path) -> Path:
        return path.with_name(path.name + _DESTROYED)

    def _refuse_destroyed(self, path: Path) -> None:
        if self._tombstone(path).exists():
            if path.exists():  # destruction was cut short, or a creator lost the race against it
                overwrite_and_remove(path)
            raise KeyDestroyed(f"the key {path.parent.parent.name}/{path.name} was destroyed")

    def _from_cache(self, kind: str, key_id: str) -> bytes | None:
        with self._lock:
            until, key = self._cache.get((kind, key_id), (0.0, b""))
            if until <= time.monotonic():
                self._cache.pop((kind, key_id), None)
                return None
            self._cache.move_to_end((kind, key_id))
            return key

    def _to_cache(self, kind: str, key_id: str, key: bytes) -> None:
        with self._lock:
            self._cache[kind, key_id] = (time.monotonic() + CACHE_SECONDS, key)
            while len(self._cache) > CACHE_KEYS:
                self._cache.popitem(last=False)

    def _check(self) -> None:
        try:
            sealed = read_bytes(self._directory / "check")
        except OSError:
            raise MasterKeyError(f"there is no key store in {self._directory}") from None
        try:
            decrypt_small(self._master, sealed, purpose="check", object_id="master")
        except DecryptionError:
            raise MasterKeyError(
                f"the master key is not the one that made the key store in {self._directory}"
            ) from None


@lru_cache(maxsize=1)
def default_keystore() -> KeyStore:
    """This appliance's key store, opened once a process (made in the demo if absent).

    Raises:
        MasterKeyError: the master key cannot be read, or is not this store's.
    """
    from django.conf import settings

    return KeyStore.initialise(
        settings.PATHS.keys,
        MasterKeySource(
            key_file=settings.VITRINE_MASTER_KEY_FILE,
            passphrase_file=settings.VITRINE_MASTER_PASSPHRASE_FILE,
        ),
    )
