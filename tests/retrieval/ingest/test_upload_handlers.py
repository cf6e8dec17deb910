import hashlib
import io

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from retrieval import media
from retrieval.errors import Invalid, NotAllowed, TooLarge
from retrieval.uploads import EncryptedUpload, accept_encrypted

BOUNDARY = "xx-boundary"


def body(content, name="a.txt", field="file"):
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nA title\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: text/plain\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


class Stream(io.BytesIO):
    """A body that remembers how much of it was read."""

    taken = 0

    def read(self, *args):
        data = super().read(*args)
        self.taken += len(data)
        return data


def request(payload, *, length=None):
    environ = RequestFactory()._base_environ(
        REQUEST_METHOD="POST",
        PATH_INFO="/",
        CONTENT_TYPE=f"multipart/form-data; boundary={BOUNDARY}",
        CONTENT_LENGTH=str(len(payload) if length is None else length),
    )
    environ["wsgi.input"] = Stream(payload)
    return WSGIRequest(environ)


def incoming(paths):
    folder = paths.media / "incoming"
    return list(folder.iterdir()) if folder.exists() else []


def test_a_file_arrives_encrypted_with_its_digest(paths):
    content = bytes(range(256)) * 10_000
    asked = request(body(content))
    accept_encrypted(asked)
    upload = asked.FILES["file"]
    assert isinstance(upload, EncryptedUpload)
    assert (upload.size, upload.sha256) == (len(content), hashlib.sha256(content).digest())
    assert asked.POST["title"] == "A title"
    upload.keep()
    assert media.read_blob(media.Blob.RAW, upload.asset_id) == content
    asked.close()
    assert media.read_blob(media.Blob.RAW, upload.asset_id) == content


def test_what_nobody_kept_is_destroyed_with_the_request(paths):
    asked = request(body(b"secret"))
    accept_encrypted(asked)
    upload = asked.FILES["file"]
    assert len(incoming(paths)) == 1
    asked.close()
    assert incoming(paths) == []
    assert not media.has_blob(media.Blob.RAW, upload.asset_id)


def test_too_large_by_its_own_word_is_refused_unread(settings):
    settings.VITRINE_MAX_UPLOAD_BYTES = 1000
    asked = request(body(b"x"), length=2 * 1024**3)
    accept_encrypted(asked)
    with pytest.raises(TooLarge):
        _ = asked.FILES
    assert asked.environ["wsgi.input"].taken == 0


def test_too_large_in_fact_is_refused_and_leaves_nothing(settings, paths):
    settings.VITRINE_MAX_UPLOAD_BYTES = 1000
    asked = request(body(b"x" * 1001))
    accept_encrypted(asked)
    with pytest.raises(TooLarge):
        _ = asked.FILES
    assert incoming(paths) == []


def test_a_body_that_breaks_off_leaves_nothing(paths):
    whole = body(b"x" * 100_000)
    asked = request(whole[:50_000], length=len(whole))
    accept_encrypted(asked)
    with pytest.raises(Invalid):
        _ = asked.FILES
    assert incoming(paths) == []


def test_the_guard_decides_before_a_byte_is_read():
    def refuse():
        raise NotAllowed("no")

    asked = request(body(b"x"))
    accept_encrypted(asked, refuse)
    with pytest.raises(NotAllowed):
        _ = asked.FILES
    assert asked.environ["wsgi.input"].taken == 0


def test_by_default_a_file_stays_in_memory_within_its_limit(settings, paths):
    asked = request(body(b"query picture"))
    assert asked.FILES["file"].read() == b"query picture"
    assert not paths.media.exists()
    settings.VITRINE_MAX_QUERY_BYTES = 10
    with pytest.raises(TooLarge):
        _ = request(body(b"x" * 11)).FILES
