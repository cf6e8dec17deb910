"""Labelled queries: who may write them, what is stored of them, and when they go."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from retrieval import clients, scope
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.models import Asset
from retrieval.selectors.feedback import labelled_queries
from retrieval.services.assets import asset_delete
from retrieval.services.labelled import labelled_redact_anew
from retrieval.states import State
from tests.cast import client_of
from tests.factories import make_reader


@pytest.fixture
def address(holdings):
    return f"/api/v1/collections/{holdings.mine.id}/labelled-queries/"


def csv(*rows: str) -> dict[str, SimpleUploadedFile]:
    text = "\n".join(["query,asset", *rows]).encode()
    return {"file": SimpleUploadedFile("questions.csv", text, content_type="text/csv")}


def asked(holdings) -> dict[str, set]:
    return {one.text: set(one.answers) for one in labelled_queries(holdings.mine.id)}


def test_stewards_and_curators_write_them_down_redacted(address, holdings):
    steward = client_of(make_reader(holdings.mine, "steward"))
    curator = client_of(make_reader(holdings.mine, "curator"))
    one = {"text": "letters of mira@example.org", "asset": str(holdings.text.id)}
    assert steward.post(address, one).json() == {"added": 1, "already": 0, "left_out": 0}
    assert curator.post(address, one).json() == {"added": 0, "already": 1, "left_out": 0}
    (shown,) = curator.get(address).json()["results"]
    assert shown["text"] == "letters of <EMAIL_ADDRESS_1>"
    assert shown["origin"] == "written"
    gone = steward.delete(f"{address}{shown['id']}/")
    assert gone.status_code == 204
    assert steward.delete(f"{address}{shown['id']}/").status_code == 404
    assert asked(holdings) == {}


def test_readers_and_others_may_not(address, holdings):
    one = {"text": "bear", "asset": str(holdings.text.id)}
    reader, outsider = client_of(holdings.reader), client_of(holdings.outsider)
    assert [reader.get(address).status_code, reader.post(address, one).status_code] == [403, 403]
    assert [outsider.get(address).status_code, outsider.post(address, one).status_code] == [404] * 2
    assert asked(holdings) == {}


def test_a_file_of_them_leaves_out_what_is_not_the_collections(address, holdings):
    steward = client_of(make_reader(holdings.mine, "steward"))
    rows = (
        f"bear,{holdings.picture.id}",
        f"bear,{holdings.sound.id}",
        f"river,{holdings.secret[0].id}",
        f"river,{uuid4()}",
    )
    done = steward.post(address, csv(*rows), format="multipart")
    assert done.json() == {"added": 2, "already": 0, "left_out": 2}
    assert asked(holdings) == {"bear": {holdings.picture.id, holdings.sound.id}}
    for bad in (csv(), csv("bear,none"), {"file": SimpleUploadedFile("x.csv", b"\xff\xfe")}):
        assert steward.post(address, bad, format="multipart").status_code == 400
    assert steward.post(address, {"text": " ", "asset": str(uuid4())}).status_code == 400


def test_words_lie_encrypted_and_go_with_the_asset(address, holdings, vote):
    steward = client_of(make_reader(holdings.mine, "steward"))
    steward.post(address, {"text": "zwieback", "asset": str(holdings.picture.id)})
    vote(1, True, share_words=True)
    with scope.system(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM retrieval_labelledquery")
        stored = b" ".join(bytes(v) for row in cursor for v in row if isinstance(v, bytes))
        assert stored
        assert b"zwieback" not in stored
    assert set(asked(holdings)) == {"bear", "zwieback"}
    with scope.system():
        kept = list(LabelledQuery.objects.all())
    asset_delete(user=make_reader(holdings.mine, "curator"), asset_id=holdings.picture.id)
    assert asked(holdings) == {}
    with scope.system():
        assert not LabelledQuery.objects.exists()
        # A copy from a backup is not read either: its key is gone. (The test's transaction never
        # commits, so the key is destroyed by hand.)
        from retrieval.media import destroy_all

        destroy_all(holdings.picture.id)
        Asset.objects.filter(pk=holdings.picture.id).update(state=State.SEARCHABLE)
        Feedback.objects.all().delete()
        LabelledQuery.objects.bulk_create([one for one in kept if one.feedback_id is None])
    assert asked(holdings) == {}


def test_withheld_assets_answer_nothing(address, holdings):
    client_of(make_reader(holdings.mine, "steward")).post(
        address, {"text": "bear", "asset": str(holdings.picture.id)}
    )
    with scope.system():
        Asset.objects.filter(pk=holdings.picture.id).update(state=State.WITHHELD)
    assert asked(holdings) == {}


def test_votes_over_rest(answer, holdings):
    reader, colleague = client_of(holdings.reader), client_of(make_reader(holdings.mine))
    address = f"/api/v1/searches/{answer.search_id}/feedback/"
    said = reader.post(address, {"rank": 1, "relevant": True, "share_words": True}).json()
    assert said.pop("at")
    assert said == {
        "search_id": str(answer.search_id), "rank": 1, "relevant": True, "words_shared": True,
    }  # fmt: skip
    traces = reader.get("/api/v1/me/traces/").json()
    assert (traces["feedback"], traces["words_shared"]) == (1, 1)
    assert traces["latest_feedback"][0]["search_id"] == str(answer.search_id)
    assert colleague.post(address, {"rank": 1, "relevant": True}).status_code == 404
    assert colleague.delete(f"{address}?rank=1").status_code == 404
    assert colleague.get("/api/v1/me/traces/").json()["feedback"] == 0
    assert reader.post(address, {"rank": 1, "relevant": None}).json()["relevant"] is None
    assert reader.delete(f"{address}?rank=1").status_code == 204
    for bad in ({"rank": 1}, {"rank": -1, "relevant": True}, {"rank": 0, "relevant": True}):
        assert reader.post(address, bad).status_code == 400
    assert reader.delete(address).status_code == 400


def test_a_stricter_profile_holds_for_words_that_were_written_down_before(
    address, holdings, world, vote
):
    steward = client_of(make_reader(holdings.mine, "steward"))
    for text in ("bear of Mira", "bear of Nora", "plain"):
        steward.post(address, {"text": text, "asset": str(holdings.picture.id)})
    vote(1, True, share_words=True)

    class Stricter(type(world.redaction)):
        def redact_text(self, text, *, profile):
            text = text.replace("Mira", "<PERSON>").replace("Nora", "<PERSON>")
            return super().redact_text(text, profile=profile)

    with clients.override(models=world.models, redaction=Stricter()):
        assert labelled_redact_anew(collection_id=holdings.mine.id) == 2
        assert labelled_redact_anew(collection_id=holdings.mine.id) == 0
    assert set(asked(holdings)) == {"bear of <PERSON>", "bear", "plain"}
    with scope.system():
        assert LabelledQuery.objects.count() == 3
