import io
import json

import pytest

from audit.models import LedgerPending
from retrieval import scope
from retrieval.models import Asset
from retrieval.states import RawState, State
from tests.cast import client_of, collection_path
from tests.factories import make_asset, make_collection
from tests.fakes import EMAIL

ASSETS = "/api/v1/assets/"
TEXT = b"Write to ann@example.org about the bear."
pytestmark = pytest.mark.usefixtures("servers", "sent")


def upload(people, user=None, content=TEXT, *, query="", key=None, **fields):
    file = io.BytesIO(content)
    file.name = fields.pop("name", "letter.txt")
    path = collection_path(people.collection.pk, f"assets/{query}")
    extra = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    client = client_of(user or people.contributor)
    return client.post(path, {"file": file, **fields}, format="multipart", **extra)


def events(area="content:"):
    rows = LedgerPending.objects.filter(event__startswith=area).order_by("id")
    return list(rows.values_list("event", flat=True))


def body_of(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def asset(people):
    return make_asset(
        people.collection, raw=b"original", rendition=b"0123456789" * 10, thumbnail=b"tiny",
        segments=("one", "two"), redactions=[{"kind": "EMAIL_ADDRESS", "count": 2}],
    )  # fmt: skip


def test_an_upload_is_taken_in_and_named_again_when_repeated(
    people, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(people, title="A letter", metadata=json.dumps({"box": 3}))
    assert answer.status_code == 202
    assert set(answer.json()) == {"id", "state", "raw_kept_until"}
    assert answer.json()["state"] == "received"
    assert [name for name, _ in sent] == ["redact"]
    again = upload(people, title="Another title")
    assert again.status_code == 200
    assert again.json()["id"] == answer.json()["id"]
    with scope.system():
        assert Asset.objects.count() == 1


def test_readers_strangers_and_stewards_do_not_upload(people, paths):
    for user, status in ((people.searcher, 403), (people.outsider, 404), (people.governor, 404)):
        assert upload(people, user).status_code == status
    with scope.system():
        assert not Asset.objects.exists()
    assert [p for p in paths.media.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"metadata": "{"}, "metadata"),
        ({"metadata": "[]"}, "metadata"),
        ({"metadata": '{"a": "\\u0000"}'}, "metadata"),
        ({"captured_at": "yesterday"}, "captured_at"),
        ({"title": "x" * 301}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"subjects": "x"}, "subjects"),
        ({"subjects": "00000000-0000-4000-8000-000000000000"}, "subjects"),
        ({"consent": "00000000-0000-4000-8000-000000000000"}, "consent"),
        ({"colour": "red"}, "non_field_errors"),
        ({"content": b""}, "file"),
    ],
)
def test_uploads_that_cannot_be_leave_nothing(people, paths, fields, field):
    answer = upload(people, **fields)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]
    with scope.system():
        assert not Asset.objects.exists()
    answer.close()
    assert [p for p in paths.media.rglob("*") if p.is_file()] == []


def test_an_upload_without_a_file_or_not_as_a_form(people):
    path = collection_path(people.collection.pk, "assets/")
    client = client_of(people.contributor)
    assert client.post(path, {"title": "x"}, format="multipart").status_code == 400
    assert client.post(path, {"title": "x"}).status_code == 415
    broken = client.generic("POST", path, b"--x\r\nnonsense", "multipart/form-data; boundary=x")
    assert broken.status_code == 400
    no_boundary = client.generic("POST", path, b"abc", "multipart/form-data")
    assert no_boundary.status_code == 400


def test_a_file_beyond_the_limit_is_413(people, settings):
    settings.VITRINE_MAX_UPLOAD_BYTES = 1024
    answer = upload(people, content=b"x" * 2048)
    assert answer.status_code == 413
    with scope.system():
        assert not Asset.objects.exists()


def test_an_idempotent_upload_is_done_once(people):
    first, again = (upload(people, key="one", title="A letter") for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert upload(people, key="one", title="Another").status_code == 409
    assert upload(people, key="one", title="A letter", content=b"other").status_code == 409
    with scope.system():
        assert Asset.objects.count() == 1


def test_a_preview_shows_the_redaction_and_keeps_nothing(people, paths):
    answer = upload(people, query="?preview=1")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    assert not EMAIL.search(answer.content.decode())
    assert b"bear" in answer.content
    assert json.loads(answer["X-Vitrine-Redactions"])[0]["kind"] == "EMAIL_ADDRESS"
    assert "sandbox" in answer["Content-Security-Policy"]
    with scope.system():
        assert not Asset.objects.exists()
    assert [p for p in paths.media.rglob("*") if p.is_file()] == []
    refused = upload(people, query="?preview=1", content=b"BAD")
    assert refused.status_code == 422
    assert "no file we know" in refused.json()["detail"]


def test_a_session_uploads_too_and_strangers_are_stopped_before_the_first_byte(people, client):
    path = collection_path(people.collection.pk, "assets/")
    client.force_login(people.contributor)
    file = io.BytesIO(TEXT)
    file.name = "letter.txt"
    assert client.post(path, {"file": file}).status_code == 202
    client.force_login(people.outsider)
    file.seek(0)
    assert client.post(path, {"file": file}).status_code == 404


def test_the_list_is_what_each_may_know_of(people, asset):
    hidden = make_asset(make_collection(), title="Hidden")
    waiting = make_asset(people.collection, state=State.QUARANTINED, reason="unknown-type")

    def listed(user, query=""):
        return {row["id"] for row in client_of(user).get(f"{ASSETS}{query}").json()["results"]}

    assert listed(people.searcher) == {str(asset.pk)}
    assert listed(people.curator) == {str(asset.pk), str(waiting.pk)}
    assert listed(people.curator, "?state=quarantined") == {str(waiting.pk)}
    assert listed(people.curator, "?modality=image") == set()
    assert listed(people.curator, f"?collection={people.collection.pk}") == {
        str(asset.pk),
        str(waiting.pk),
    }
    assert listed(people.outsider) == listed(people.governor) == set()
    answer = client_of(people.searcher).get(f"{ASSETS}?collection={hidden.collection_id}")
    assert answer.status_code == 404


def test_one_asset_as_the_contract_names_it(people, asset):
    shown = client_of(people.searcher).get(f"{ASSETS}{asset.pk}/").json()
    assert {
        "id", "collection", "title", "modality", "state", "reason", "raw_state", "provenance",
        "redactions", "segments", "created_at",
    } <= set(shown)  # fmt: skip
    assert shown["redactions"] == [{"kind": "EMAIL_ADDRESS", "count": 2}]
    assert shown["segments"] == 2
    assert shown["links"]["content"] == f"{ASSETS}{asset.pk}/content/"


def test_curators_delete_readers_do_not(people, asset):
    path = f"{ASSETS}{asset.pk}/"
    assert client_of(people.searcher).delete(path).status_code == 403
    assert client_of(people.outsider).delete(path).status_code == 404
    assert client_of(people.curator).delete(path).status_code == 204
    assert client_of(people.curator).get(path).status_code == 404
    assert client_of(people.curator).delete(path).status_code == 404
    assert client_of(people.searcher).get(f"{path}content/").status_code == 404


def test_content_is_harmless_recorded_and_whole(people, asset):
    answer = client_of(people.searcher).get(f"{ASSETS}{asset.pk}/content/")
    assert answer.status_code == 200
    assert body_of(answer) == b"0123456789" * 10
    assert answer["Content-Length"] == "100"
    assert answer["Content-Disposition"] == f'inline; filename="{asset.pk}.txt"'
    assert answer["Content-Security-Policy"].startswith("sandbox")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert events() == ["content:rendition:view"]


def test_a_download_is_an_attachment_and_recorded_as_one(people, asset):
    answer = client_of(people.searcher).get(f"{ASSETS}{asset.pk}/content/?download=1")
    assert answer["Content-Disposition"].startswith("attachment")
    assert events() == ["content:rendition:download"]


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=95-", 206, 95, 100),
        ("bytes=-5", 206, 95, 100),
        ("bytes=-500", 206, 0, 100),
        ("bytes=90-500", 206, 90, 100),
        ("bytes=99-99", 206, 99, 100),
        ("bytes=100-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=9-3", 200, 0, 100),
        ("bytes=-", 200, 0, 100),
        ("bytes=0-1,5-6", 200, 0, 100),
        ("lines=1-2", 200, 0, 100),
        ("bytes=99999999999999999999-", 200, 0, 100),
    ],
)
def test_ranges(people, asset, asked, status, start, stop):
    answer = client_of(people.searcher).get(f"{ASSETS}{asset.pk}/content/", HTTP_RANGE=asked)
    assert answer.status_code == status
    if status == 416:
        assert answer["Content-Range"] == "bytes */100"
        assert answer.json()["status"] == 416
        return
    assert body_of(answer) == (b"0123456789" * 10)[start:stop]
    assert answer["Content-Length"] == str(stop - start)
    if status == 206:
        assert answer["Content-Range"] == f"bytes {start}-{stop - 1}/100"


def test_head_tells_the_size_without_a_body(people, asset):
    answer = client_of(people.searcher).head(f"{ASSETS}{asset.pk}/content/")
    assert answer.status_code == 200
    assert answer["Content-Length"] == "100"
    assert answer.content == b""


def test_a_thumbnail_is_a_small_picture(people, asset):
    answer = client_of(people.searcher).get(
        f"{ASSETS}{asset.pk}/thumbnail/", HTTP_ACCEPT="image/webp"
    )
    assert answer["Content-Type"] == "image/webp"
    assert body_of(answer) == b"tiny"


def test_originals_need_the_grant_and_a_reason_and_leave_a_record(people, asset):
    path = f"{ASSETS}{asset.pk}/raw/"
    assert client_of(people.searcher).get(f"{path}?reason=curious").status_code == 403
    assert client_of(people.outsider).get(f"{path}?reason=curious").status_code == 404
    people.grant(people.searcher, "searcher", raw=True)
    client = client_of(people.searcher)
    for query in ("", "?reason=", "?reason=%20", f"?reason={'x' * 301}"):
        assert client.get(f"{path}{query}").status_code == 400
    assert events() == []
    answer = client.get(f"{path}?reason=a+court+order")
    assert body_of(answer) == b"original"
    assert answer["Content-Disposition"].startswith("attachment")
    assert events() == ["content:raw:view"]
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(raw_state=RawState.PURGED)
    assert client.get(f"{path}?reason=again").status_code == 410


def test_what_is_not_searchable_is_not_shown(people):
    asset = make_asset(people.collection, state=State.QUARANTINED, rendition=b"x", thumbnail=b"x")
    for rest in ("content/", "thumbnail/"):
        assert client_of(people.curator).get(f"{ASSETS}{asset.pk}/{rest}").status_code == 409
        assert client_of(people.searcher).get(f"{ASSETS}{asset.pk}/{rest}").status_code == 404
