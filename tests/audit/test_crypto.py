import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.crypto import (
    CHUNK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    DecryptingReader,
    DecryptionError,
    StreamEncryptor,
    ciphertext_size,
    decrypt_small,
    encrypt_small,
)

KEY = bytes(range(32))
SEALED = CHUNK_BYTES + TAG_BYTES
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17]


def noise(seed, size):
    return random.Random(seed).randbytes(size)


def seal(plain, *, piece=10_000, key=KEY, purpose="raw", object_id="a1"):
    encryptor = StreamEncryptor(key, purpose=purpose, object_id=object_id)
    parts = [encryptor.update(plain[at : at + piece]) for at in range(0, len(plain), piece)]
    return b"".join(parts) + encryptor.finalize()


def reader(sealed, *, key=KEY, purpose="raw", object_id="a1"):
    return DecryptingReader(io.BytesIO(sealed), key, purpose=purpose, object_id=object_id)


def open_all(sealed, **kwargs):
    return b"".join(reader(sealed, **kwargs).iter_range())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [1 << 20, CHUNK_BYTES, 9_973])
def test_round_trip_and_predicted_size(size, piece):
    plain = noise(size, size)
    sealed = seal(plain, piece=piece)
    assert len(sealed) == ciphertext_size(size)
    assert open_all(sealed) == plain
    opened = reader(sealed)
    assert opened.size == size
    assert opened.read() == plain


def test_same_content_under_the_same_key_looks_different_each_time():
    assert seal(b"x" * 100) != seal(b"x" * 100)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_range_is_what_a_slice_gives(data):
    size = data.draw(st.sampled_from(SIZES))
    plain = noise(size, size)
    opened = reader(seal(plain))
    start = data.draw(st.integers(0, size + 5))
    stop = data.draw(st.integers(0, size + 5))
    assert b"".join(opened.iter_range(start, stop)) == plain[start:stop]
    opened.seek(start)
    assert io.BufferedReader(opened).read(stop) == plain[start : start + stop]


@pytest.mark.parametrize("size", SIZES)
def test_every_cut_is_refused_when_opened(size):
    sealed = seal(noise(size, size))
    cuts = {0, 1, HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + TAG_BYTES, len(sealed) - 1}
    cuts |= {HEADER_BYTES + n * SEALED for n in range(1, size // CHUNK_BYTES + 1)}
    cuts |= {HEADER_BYTES + n * SEALED + TAG_BYTES for n in range(1, size // CHUNK_BYTES + 1)}
    for cut in sorted(c for c in cuts if c < len(sealed)):
        with pytest.raises(DecryptionError):
            reader(sealed[:cut])


@pytest.mark.parametrize("added", [b"\0", b"\0" * TAG_BYTES, b"\0" * SEALED])
def test_an_appended_tail_is_refused(added):
    with pytest.raises(DecryptionError):
        reader(seal(b"y" * (CHUNK_BYTES + 5)) + added)


def test_chunks_swapped_or_repeated_are_refused():
    sealed = seal(noise(1, 4 * CHUNK_BYTES))
    header, body = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:]
    chunks = [body[n * SEALED : (n + 1) * SEALED] for n in range(4)]
    for order in ([1, 0, 2, 3], [0, 0, 2, 3], [0, 2, 1, 3], [1, 2, 3], [3, 1, 2, 0], [3]):
        with pytest.raises(DecryptionError):
            open_all(header + b"".join(chunks[n] for n in order))


def test_chunk_of_another_stream_under_the_same_key_is_refused():
    one, two = seal(b"1" * 3 * CHUNK_BYTES), seal(b"2" * 3 * CHUNK_BYTES)
    mixed = one[: HEADER_BYTES + SEALED] + two[HEADER_BYTES + SEALED :]
    with pytest.raises(DecryptionError):
        open_all(mixed)


@pytest.mark.parametrize(
    "elsewhere", [{"object_id": "a2"}, {"purpose": "rendition"}, {"key": bytes(32)}]
)
def test_a_stream_moved_to_another_place_is_refused(elsewhere):
    with pytest.raises(DecryptionError):
        reader(seal(b"mine"), **elsewhere)


@pytest.mark.parametrize("flip", [0, 5, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 100, -1])
def test_one_flipped_bit_is_refused(flip):
    sealed = bytearray(seal(noise(2, 2 * CHUNK_BYTES + 3)))
    sealed[flip] ^= 1
    with pytest.raises(DecryptionError):
        open_all(bytes(sealed))


def test_an_unfinished_stream_is_refused():
    encryptor = StreamEncryptor(KEY, purpose="raw", object_id="a1")
    with pytest.raises(DecryptionError):
        reader(encryptor.update(b"z" * (2 * CHUNK_BYTES)))


def test_a_finished_stream_takes_no_more():
    encryptor = StreamEncryptor(KEY, purpose="raw", object_id="a1")
    encryptor.finalize()
    with pytest.raises(ValueError, match="finished"):
        encryptor.update(b"more")


def test_small_values_are_bound_to_key_purpose_and_id():
    sealed = encrypt_small(KEY, b"Ada", purpose="identity", object_id="7")
    assert decrypt_small(KEY, memoryview(sealed), purpose="identity", object_id="7") == b"Ada"
    for wrong in (
        {"key": bytes(32)},
        {"purpose": "query"},
        {"object_id": "8"},
        {"sealed": sealed[:-1]},
        {"sealed": sealed[:-1] + bytes([sealed[-1] ^ 1])},
        {"sealed": b""},
        {"sealed": b"\x02" + sealed[1:]},
    ):
        key, blob = wrong.get("key", KEY), wrong.get("sealed", sealed)
        with pytest.raises(DecryptionError):
            decrypt_small(
                key,
                blob,
                purpose=wrong.get("purpose", "identity"),
                object_id=wrong.get("object_id", "7"),
            )


def test_ambiguous_places_are_refused():
    with pytest.raises(ValueError, match="zero byte"):
        encrypt_small(KEY, b"", purpose="a\0b", object_id="c")
