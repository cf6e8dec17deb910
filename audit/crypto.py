"""Authenticated encryption of streams (media) and of small values, bound to what they are for.

Streams use the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015) in age's form (C2SP
age.md, "Payload"): a key of its own for every stream by HKDF-SHA256, then AES-256-GCM over 64 KiB
chunks whose nonce is an 11-byte counter and a flag that is 1 on the last chunk only. Chunks that
are cut off, repeated or reordered do not authenticate; neither does a stream that was moved to
another place, since purpose and id are part of the key's derivation.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer, WriteableBuffer

KEY_BYTES = 32
CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
MAGIC = b"VTRS\x01"  # name and version of the stream format
SALT_BYTES = 16
HEADER_BYTES = len(MAGIC) + SALT_BYTES
SMALL_VERSION = b"\x01"
SMALL_NONCE_BYTES = 12
_SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES


class DecryptionError(Exception):
    """Ciphertext that is damaged, cut, moved or under another key. Permanent."""


def associated_data(*, purpose: str, object_id: str) -> bytes:
    """Bytes that bind a ciphertext to its place, e.g. purpose ``raw`` and an asset's id.

    Raises:
        ValueError: a zero byte in either, which would make the join ambiguous.
    """
    if "\0" in purpose or "\0" in object_id:
        raise ValueError("purpose and id hold no zero byte")
    return b"\0".join((b"vitrine", purpose.encode(), object_id.encode()))


def derive_key(key: bytes, *, info: bytes, salt: bytes | None = None) -> bytes:
    """32 bytes by HKDF-SHA256 (RFC 5869)."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(key)


def ciphertext_size(plain_bytes: int) -> int:
    """How many bytes a stream of ``plain_bytes`` takes once encrypted, header included."""
    chunks = max(1, -(-plain_bytes // CHUNK_BYTES))
    return HEADER_BYTES + plain_bytes + chunks * TAG_BYTES


def _stream_key(key: bytes, header: bytes, associated: bytes) -> AESGCM:
    salt = header[len(MAGIC) :]
    return AESGCM(derive_key(key, salt=salt, info=MAGIC + b"\0" + associated))


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class StreamEncryptor:
    """Encrypts what is fed to it piece by piece, holding at most one chunk in memory.

    ``update`` gives the ciphertext that is ready (perhaps none), ``finalize`` the rest. Without
    ``finalize`` the stream does not authenticate, so an upload that broke off can never be mistaken
    for a whole one.
    """

    def __init__(self, key: bytes, *, purpose: str, object_id: str) -> None:
        header = MAGIC + os.urandom(SALT_BYTES)
        associated = associated_data(purpose=purpose, object_id=object_id)
        self._cipher = _stream_key(key, header, associated)
        self._ready = [header]
        self._buffer = bytearray()
        self._index = 0
        self._finished = False
        self.plain_bytes = 0

    def update(self, data: ReadableBuffer) -> bytes:
        """Ciphertext that became complete with ``data``."""
        if self._finished:
            raise ValueError("the stream is finished")
        view = memoryview(data).cast("B")
        self.plain_bytes += len(view)
        self._buffer += view
        # A full chunk waits for one more byte: only then is it certain not to be the last.
        start = 0
        while len(self._buffer) - start > CHUNK_BYTES:
            self._seal(bytes(self._buffer[start : start + CHUNK_BYTES]), last=False)
            start += CHUNK_BYTES
        if start:
            del self._buffer[:start]
        return self._take()

    def finalize(self) -> bytes:
        """The last chunk, marked as the last."""
        if self._finished:
            raise ValueError("the stream is finished")
        self._finished = True
        self._seal(bytes(self._buffer), last=True)
        self._buffer.clear()
        return self._take()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._ready.append(self._cipher.encrypt(_nonce(self._index, last=last), chunk, None))
        self._index += 1

    def _take(self) -> bytes:
        ready = b"".join(self._ready)
        self._ready.clear()
        return ready


class DecryptingReader(io.RawIOBase):
    """A readable, seekable view of the plaintext behind an encrypted file.

    Opening reads and authenticates the last chunk, so ``size`` is true and a cut file is refused
    before its first byte is served. Each later read decrypts only the chunks it touches. ``source``
    stays the caller's to close.

    Raises:
        DecryptionError: not such a stream, damaged, cut, moved, or another key.
    """

    def __init__(self, source: BinaryIO, key: bytes, *, purpose: str, object_id: str) -> None:
        super().__init__()
        self._source = source
        total = source.seek(0, io.SEEK_END)
        source.seek(0)
        header = source.read(HEADER_BYTES)
        body = total - HEADER_BYTES
        if body < TAG_BYTES or not header.startswith(MAGIC):
            raise DecryptionError("not an encrypted stream, or cut inside its first chunk")
        associated = associated_data(purpose=purpose, object_id=object_id)
        self._cipher = _stream_key(key, header, associated)
        self._last = -(-body // _SEALED_CHUNK_BYTES) - 1
        self.size = body - (self._last + 1) * TAG_BYTES
        if self.size < 0 or (self._last and self.size <= self._last * CHUNK_BYTES):
            raise DecryptionError("the stream ends in the middle of a chunk's tag")
        self._position = 0
        self._cached_index = -1
        self._cached = b""
        self._chunk(self._last)

    def readable(self) -> bool:
        """True: this is for reading."""
        return True

    def seekable(self) -> bool:
        """True: any byte can be reached."""
        return True

    def tell(self) -> int:
        """The position in the plaintext."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """The new position in the plaintext."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a position is not negative")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """How many plaintext bytes were put into ``buffer``: never past one chunk, 0 at the end."""
        view = memoryview(buffer).cast("B")
        if self._position >= self.size:
            return 0
        index, offset = divmod(self._position, CHUNK_BYTES)
        piece = self._chunk(index)[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def iter_range(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Plaintext from byte ``start`` up to, not including, ``stop``, at most a chunk a piece."""
        stop = self.size if stop is None else min(stop, self.size)
        while start < stop:
            index, offset = divmod(start, CHUNK_BYTES)
            piece = self._chunk(index)[offset : offset + stop - start]
            start += len(piece)
            yield piece

    def _chunk(self, index: int) -> bytes:
        if index != self._cached_index:
            self._source.seek(HEADER_BYTES + index * _SEALED_CHUNK_BYTES)
            sealed = self._source.read(_SEALED_CHUNK_BYTES)
            try:
                nonce = _nonce(index, last=index == self._last)
                self._cached = self._cipher.decrypt(nonce, sealed, None)
            except InvalidTag:
                raise DecryptionError(f"chunk {index} does not authenticate") from None
            self._cached_index = index
        return self._cached


def encrypt_small(key: bytes, plain: bytes, *, purpose: str, object_id: str) -> bytes:
    """Version byte, random 96-bit nonce, AES-256-GCM ciphertext and tag; for values in memory."""
    nonce = os.urandom(SMALL_NONCE_BYTES)
    associated = SMALL_VERSION + associated_data(purpose=purpose, object_id=object_id)
    return SMALL_VERSION + nonce + AESGCM(key).encrypt(nonce, plain, associated)


def decrypt_small(key: bytes, sealed: ReadableBuffer, *, purpose: str, object_id: str) -> bytes:
    """The plaintext behind ``encrypt_small``.

    Raises:
        DecryptionError: damaged, cut, made for another purpose or id, or another key.
    """
    blob = bytes(sealed)
    head = len(SMALL_VERSION) + SMALL_NONCE_BYTES
    if len(blob) < head + TAG_BYTES or not blob.startswith(SMALL_VERSION):
        raise DecryptionError("not an encrypted value")
    associated = SMALL_VERSION + associated_data(purpose=purpose, object_id=object_id)
    nonce = blob[len(SMALL_VERSION) : head]
    try:
        return AESGCM(key).decrypt(nonce, blob[head:], associated)
    except InvalidTag:
        raise DecryptionError("the value does not authenticate") from None
