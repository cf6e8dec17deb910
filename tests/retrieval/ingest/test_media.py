import os
import time
from uuid import uuid4

import pytest

from retrieval import media
from retrieval.errors import Unavailable
from retrieval.media import Blob


def stored(kind, data):
    asset_id = uuid4()
    media.write_blob(kind, asset_id, data).publish()
    return asset_id


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_what_goes_in_comes_out(size):
    data = os.urandom(size)
    asset_id = stored(Blob.RAW, data)
    assert media.read_blob(Blob.RAW, asset_id) == data
    with media.open_blob(Blob.RAW, asset_id) as reader:
        assert reader.size == size
        reader.seek(size // 2)
        assert reader.read(10) == data[size // 2 : size // 2 + 10]
        assert b"".join(reader.iter_range(size // 3, size // 3 + 7)) == data[size // 3 :][:7]


def test_no_plaintext_reaches_the_disk(paths):
    secret = b"canary-4711 " * 10_000
    writer = media.BlobWriter(Blob.RAW, uuid4())
    for start in range(0, len(secret), 1000):
        writer.write(secret[start : start + 1000])
        assert not [p for p in paths.data.rglob("*") if p.is_file() and b"canary" in p.read_bytes()]
    writer.finish()
    writer.publish()
    files = [path for path in paths.data.rglob("*") if path.is_file()]
    assert any(path.stat().st_size > len(secret) for path in files)
    assert not [path for path in files if b"canary" in path.read_bytes()]


def test_original_and_rendition_have_keys_of_their_own():
    asset_id = stored(Blob.RAW, b"original")
    media.write_blob(Blob.RENDITION, asset_id, b"redacted").publish()
    media.destroy_raw(asset_id)
    with pytest.raises(media.BlobMissing):
        media.read_blob(Blob.RAW, asset_id)
    assert media.read_blob(Blob.RENDITION, asset_id) == b"redacted"
    media.destroy_all(asset_id)
    media.destroy_all(asset_id)
    with pytest.raises(media.BlobMissing):
        media.read_blob(Blob.RENDITION, asset_id)


def test_a_copy_kept_back_says_nothing_once_the_key_is_destroyed(paths):
    asset_id = stored(Blob.RAW, b"original")
    place = paths.media / "raw" / str(asset_id)
    copy = place.read_bytes()
    media.destroy_raw(asset_id)
    place.write_bytes(copy)
    with pytest.raises(media.BlobMissing):
        media.read_blob(Blob.RAW, asset_id)
    with pytest.raises(media.BlobMissing):
        media.BlobWriter(Blob.RAW, asset_id)


def test_a_blob_that_was_moved_or_altered_is_refused(paths):
    first, second = stored(Blob.RENDITION, b"one" * 50_000), stored(Blob.RENDITION, b"two")
    place = paths.media / "rendition" / str(first)
    place.rename(paths.media / "rendition" / str(second))
    with pytest.raises(media.BlobDamaged):
        media.read_blob(Blob.RENDITION, second)
    third = stored(Blob.RENDITION, b"three" * 50_000)
    place = paths.media / "rendition" / str(third)
    altered = bytearray(place.read_bytes())
    altered[100] ^= 1
    place.write_bytes(altered)
    with pytest.raises(media.BlobDamaged):
        media.read_blob(Blob.RENDITION, third)


def test_an_unpublished_blob_is_nowhere_and_can_be_dropped(paths):
    asset_id = uuid4()
    writer = media.write_blob(Blob.RENDITION, asset_id, b"draft")
    assert not media.has_blob(Blob.RENDITION, asset_id)
    writer.discard()
    writer.discard()
    assert list((paths.media / "incoming").iterdir()) == []


def test_files_are_for_the_appliance_alone(paths):
    asset_id = stored(Blob.RAW, b"x")
    assert (paths.media / "raw" / str(asset_id)).stat().st_mode & 0o777 == 0o600
    assert (paths.media / "raw").stat().st_mode & 0o777 == 0o700


def test_stale_incoming_files_go_and_fresh_ones_stay(paths):
    old, new = uuid4(), uuid4()
    media.write_blob(Blob.RAW, old, b"old")
    media.write_blob(Blob.RAW, new, b"new")
    for path in (paths.media / "incoming").iterdir():
        if path.name.startswith(str(old)):
            os.utime(path, (time.time() - 7200,) * 2)
    assert media.remove_stale_incoming(older_than_seconds=3600) == {old}
    assert [path.name.split(".")[0] for path in (paths.media / "incoming").iterdir()] == [str(new)]


def test_a_full_disk_is_said_and_leaves_nothing(paths):
    def full(*args):
        raise OSError(28, "No space left on device")

    writer = media.BlobWriter(Blob.RAW, uuid4())
    writer._file.close()
    writer._file = type("Full", (), {"write": full, "close": lambda _: None})()
    with pytest.raises(Unavailable):
        writer.write(b"x" * 100_000)
    assert list((paths.media / "incoming").iterdir()) == []


def test_stored_ids_by_kind():
    asset_id = stored(Blob.RAW, b"x")
    media.write_blob(Blob.DESCRIPTION, asset_id, b"{}").publish()
    assert list(media.stored_ids(Blob.RAW)) == [asset_id]
    assert list(media.stored_ids(Blob.DESCRIPTION)) == [asset_id]
    assert list(media.stored_ids(Blob.RENDITION)) == []
    assert list(media.stored_ids(Blob.RAW, older_than_seconds=60)) == []
