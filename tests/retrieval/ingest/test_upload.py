import uuid

import pytest

from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.errors import Invalid, NotAllowed, NotVisible, TooLarge
from retrieval.models import Asset, ProvenanceStep
from retrieval.services.description import description_read
from retrieval.services.ingest import asset_upload, preview
from retrieval.uploads import upload_from
from tests.factories import grant, make_collection, make_policy, make_reader, make_user

pytestmark = pytest.mark.django_db


def pieces(data):
    return iter([data[i : i + 1000] for i in range(0, len(data), 1000)] or [b""])


def upload(user, collection, data=b"hello", name="notes.txt", **fields):
    return asset_upload(
        user=user,
        collection_id=collection.pk,
        upload=upload_from(pieces(data), name=name),
        **fields,
    )


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture
def contributor(collection):
    return make_reader(collection, "contributor")


def blobs(paths):
    return sorted(p.parent.name for p in paths.media.rglob("*") if p.is_file())


def test_an_upload_is_stored_encrypted_recorded_and_queued(
    collection, contributor, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        asset, created = upload(contributor, collection, b"hello", source="a@b.org")
    assert created
    assert (asset.state, asset.raw_state, asset.raw_kept_until) == ("received", "kept", None)
    assert media.read_blob(media.Blob.RAW, asset.pk) == b"hello"
    assert sent == [("redact", str(asset.pk))]
    (event,) = LedgerPending.objects.filter(event="ingest:asset:upload")
    assert event.refs == {"asset": str(asset.pk), "collection": str(collection.pk)}
    step = ProvenanceStep.objects.get(asset=asset)
    assert (step.step, step.actor) == ("upload", event.actor)


def test_no_word_of_the_uploader_is_in_the_row_before_redaction(collection, contributor):
    asset, _ = upload(
        contributor,
        collection,
        name="Anna Muster a@b.org.txt",
        title="To a@b.org",
        source="from a@b.org",
        metadata={"mail": "a@b.org"},
    )
    with scope.system():
        row = Asset.objects.filter(pk=asset.pk).values().get()
    assert not [value for value in row.values() if "a@b" in str(value) or "Anna" in str(value)]
    kept = description_read(asset_id=asset.pk)
    assert (kept.name, kept.metadata) == ("Anna Muster a@b.org.txt", {"mail": "a@b.org"})


def test_the_same_content_again_is_the_same_asset(collection, contributor, paths):
    first, _ = upload(contributor, collection)
    before = blobs(paths)
    again, created = upload(contributor, collection, name="other.txt")
    assert (again.pk, created) == (first.pk, False)
    assert blobs(paths) == before


def test_the_same_content_elsewhere_is_another_asset(collection, contributor):
    other = make_collection()
    grant(other, contributor, "contributor")
    first, _ = upload(contributor, collection)
    second, created = upload(contributor, other)
    assert created
    assert first.pk != second.pk
    assert bytes(first.digest) != bytes(second.digest)


@pytest.mark.parametrize(
    ("role", "error"), [(None, NotVisible), ("searcher", NotAllowed), ("steward", NotAllowed)]
)
def test_who_may_not_upload_leaves_nothing(collection, paths, role, error):
    user = make_reader(collection, role) if role else make_user()
    with pytest.raises(error):
        upload(user, collection)
    assert blobs(paths) == []
    with scope.system():
        assert not Asset.objects.exists()
    assert not LedgerPending.objects.filter(event="ingest:asset:upload").exists()


def test_an_unknown_collection_is_not_visible(contributor):
    with pytest.raises(NotVisible):
        asset_upload(
            user=contributor,
            collection_id=uuid.uuid4(),
            upload=upload_from(iter([b"x"]), name="x"),
        )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"subjects": [uuid.uuid4()]}, "subjects"),
        ({"consent": uuid.uuid4()}, "consent"),
        ({"metadata": ["a"]}, "metadata"),
        ({"metadata": {"a": "x" * 20_000}}, "metadata"),
        ({"metadata": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}}, "metadata"),
        ({"metadata": {"a": float("nan")}}, "metadata"),
        ({"title": "x" * 301}, "title"),
        ({"source": "x" * 301}, "source"),
    ],
)
def test_what_cannot_be_right_is_refused_and_leaves_nothing(
    collection, contributor, paths, fields, named
):
    with pytest.raises(Invalid) as refused:
        upload(contributor, collection, **fields)
    assert list(refused.value.fields) == [named]
    assert blobs(paths) == []


def test_a_failure_before_the_commit_leaves_nothing(collection, contributor, paths, monkeypatch):
    from retrieval.services import ingest

    def fail(**_):
        raise RuntimeError("no ledger, no upload")

    monkeypatch.setattr(ingest.ledger, "record", fail)
    with pytest.raises(RuntimeError):
        upload(contributor, collection)
    assert blobs(paths) == []
    with scope.system():
        assert not Asset.objects.exists()


def test_the_answer_says_when_the_original_goes(contributor):
    policy = make_policy(
        {"what": "raw", "after_days": 30}, {"what": "raw", "modality": "image", "after_days": 7}
    )
    collection = make_collection(retention_policy=policy)
    grant(collection, contributor, "contributor")
    asset, _ = upload(contributor, collection)
    # Not known yet whether it is an image, so the earliest counts.
    assert (asset.raw_kept_until - asset.created_at).days == 7


def test_more_than_the_limit_is_refused_and_leaves_nothing(settings, paths):
    settings.VITRINE_MAX_UPLOAD_BYTES = 1500
    with pytest.raises(TooLarge):
        upload_from(pieces(b"x" * 1501), name="x")
    assert blobs(paths) == []
    upload_from(pieces(b"x" * 1500), name="x").close()
    assert blobs(paths) == []


def test_a_preview_shows_the_rendition_and_keeps_nothing(collection, contributor, servers, paths):
    shown = preview(
        user=contributor, collection_id=collection.pk, data=b"write to a@b.org", name="a@b.org.txt"
    )
    assert shown.rendition == b"write to <EMAIL_ADDRESS_1>"
    assert shown.title == "<EMAIL_ADDRESS_1>"
    assert shown.redactions == [{"kind": "EMAIL_ADDRESS", "count": 2}]
    assert blobs(paths) == []
    with scope.system():
        assert not Asset.objects.exists()
    with pytest.raises(NotVisible):
        preview(user=make_user(), collection_id=collection.pk, data=b"x", name="x")
