"""What is held on a person, as an archive: complete, redacted, signed, and nothing of others."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import ledger, signing
from audit.actors import actor_for
from audit.chaining import chain_pending
from audit.ledger import PersonalTo, payload_read
from audit.models import LedgerEntry
from audit.standalone import vitrine_verify
from audit.subject_models import ConsentRecord, DataSubject
from audit.subjects import subject_create
from retrieval import media, scope
from retrieval.services.access_request import archive_begin, archive_stream
from retrieval.subject_models import AssetSubject
from tests.cast import client_of
from tests.factories import make_asset, make_collection
from tests.retrieval.api.test_search_audit import hit, searched

ANN = "ann.example@example.org"


@pytest.fixture
def ann(people):
    """Ann, in a letter of her own and in one with Bob; the third letter is Bob's alone."""
    with scope.system():
        subject = subject_create(by=None, identifier=ANN).subject
        bob = subject_create(by=None, identifier="bob@example.org").subject
    own = make_asset(
        people.collection, raw=b"I am Ann", rendition=b"I am <PERSON>", title="A letter"
    )
    both = make_asset(people.collection, raw=b"Ann and Bob", rendition=b"<PERSON> and <PERSON>")
    his = make_asset(people.collection, raw=b"Bob", rendition=b"Bob's secret rendition")
    with scope.system():
        for asset, whose in ((own, subject), (both, subject), (both, bob), (his, bob)):
            AssetSubject.objects.create(asset=asset, subject=whose.pk, via="console")
        ConsentRecord.objects.create(
            subject=subject.pk, series=uuid4(), purposes=["search"], legal_basis="consent",
            recipients=["the archive's readers"], given_tick=1,
            expires_at=timezone.now() + timedelta(days=30),
        )  # fmt: skip
    searched(people.searcher, [people.collection.pk], [])
    return subject, own, both, his


def opened(stream):
    return zipfile.ZipFile(io.BytesIO(b"".join(stream)))


def fetched(people, subject, **body):
    answer = client_of(people.governor).post(f"/api/v1/subjects/{subject.pk}/archive/", body)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/zip"
    assert answer["Cache-Control"] == "private, no-store"
    return opened(answer.streaming_content)


def test_the_archive_holds_what_is_hers_redacted_and_is_signed(people, ann):
    subject, own, both, his = ann
    found = searched(people.searcher, [people.collection.pk], [hit_on(own, people)])
    with scope.system():
        ledger.record(
            event="subject:subject:restrict", actor=actor_for(people.governor.pk, "gwen"),
            refs={"subject": subject.pk}, payload={"reason": "she asked for it"},
            personal_to=PersonalTo("subject", subject.pk),
        )  # fmt: skip
        ledger.record(
            event="subject:identifier:reveal", actor=actor_for(people.governor.pk, "gwen"),
            refs={"subject": subject.pk}, payload={"reason": "gwen's own words"},
            personal_to=PersonalTo("actor", actor_for(people.governor.pk, "gwen")),
        )  # fmt: skip
    archive = fetched(people, subject)
    index = json.loads(archive.read("index.json"))
    assert index["subject"]["identifier"] == ANN
    assert {one["id"] for one in index["assets"]} == {str(own.pk), str(both.pk)}
    first = next(one for one in index["assets"] if one["id"] == str(own.pk))
    for file in first["files"]:
        assert hashlib.sha256(archive.read(file["path"])).hexdigest() == file["sha256"]
    assert archive.read(f"assets/{own.pk}/rendition.txt") == b"I am <PERSON>"
    assert first["found_by_searches"] == [
        {
            "at": found.at.isoformat(),
            "purpose": "search",
            "role": "searcher",
            "ground": "not required",
        }
    ]
    said = {one["event"]: one["said"] for one in index["ledger"]}
    assert said["subject:subject:restrict"] == {"reason": "she asked for it"}
    assert said["subject:identifier:reveal"] == {}  # under another person's key
    assert index["consents"][0]["purposes"] == ["search"]
    assert "the archive's readers" in index["recipients"]
    assert index["stores"]
    body = {name: value for name, value in index.items() if name != "signature"}
    assert signing.verify("access-archive", body, index["signature"])
    page = archive.read("index.html").decode()
    assert ANN in page
    assert f"assets/{own.pk}/rendition.txt" in page
    for hidden in ("sara", "gwen", str(his.pk), "Bob's secret", "I am Ann", "http://", "<script"):
        assert hidden not in page, hidden
        assert hidden not in json.dumps(index), hidden
    assert not [name for name in archive.namelist() if "original" in name]


def hit_on(asset, people):
    from dataclasses import replace

    return replace(hit(people.collection.pk), asset_id=asset.pk)


def test_the_stand_alone_verifier_takes_the_index(people, ann, tmp_path):
    fetched(people, ann[0]).extractall(tmp_path)
    command = [sys.executable, vitrine_verify.__file__, "receipt", str(tmp_path / "index.json")]
    command += ["--key", str(tmp_path / "signing-key.pem")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    changed = tmp_path / "index.json"
    changed.write_text(changed.read_text().replace("A letter", "A better"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_originals_come_with_a_reason_and_only_where_nobody_else_is_in_them(people, ann):
    subject, own, both, _ = ann
    path = f"/api/v1/subjects/{subject.pk}/archive/"
    assert client_of(people.governor).post(path, {"originals": True}).status_code == 400
    archive = fetched(people, subject, originals=True, reason="She asked for her own letter")
    assert archive.read(f"assets/{own.pk}/original.bin") == b"I am Ann"
    assert not [name for name in archive.namelist() if f"{both.pk}/original" in name]
    index = json.loads(archive.read("index.json"))
    assert any("about other people as well" in line for line in index["not_included"])
    chain_pending()
    entry = LedgerEntry.objects.get(event="subject:archive:export")
    assert entry.refs["subject"] == str(subject.pk)
    assert payload_read(event=entry.event, payload=entry.payload) == {
        "assets": 2, "originals": 1, "reason": "She asked for her own letter",
    }  # fmt: skip


def is_key(path):
    return "keys" in path.parts  # the signing key is made at the first signature


def test_what_vanishes_while_it_is_sent_is_said_to_have(people, ann):
    subject, own, *_ = ann
    archive = archive_begin(by=people.governor, subject_id=subject.pk)
    media.destroy_redacted(own.pk)
    index = json.loads(opened(archive_stream(archive)).read("index.json"))
    gone = next(one for one in index["assets"] if one["id"] == str(own.pk))
    assert (gone["files"], gone["missing"]) == ([], ["rendition, redacted"])


def test_nothing_of_it_is_kept_here(people, ann, paths):
    def files():
        return sorted(one for one in paths.data.rglob("*") if one.is_file() and not is_key(one))

    before = files()
    fetched(people, ann[0])
    assert files() == before


def test_only_governors_and_only_of_people_that_are_there(people, ann):
    path = f"/api/v1/subjects/{ann[0].pk}/archive/"
    for user in (people.steward, people.curator, people.operator, people.outsider):
        assert client_of(user).post(path).status_code == 403
    client = client_of(people.governor)
    assert client.post(f"/api/v1/subjects/{uuid4()}/archive/").status_code == 404
    with scope.system():
        DataSubject.objects.filter(pk=ann[0].pk).update(state="erased")
    assert client.post(path).status_code == 410


def test_a_person_without_anything_gets_an_honest_empty_archive(people):
    with scope.system():
        subject = subject_create(by=None).subject
    index = json.loads(fetched(people, subject).read("index.json"))
    assert (index["assets"], index["consents"]) == ([], [])
    assert index["subject"]["identifier"] is None
    assert index["controller"]["controller_name"] == ""


def test_the_command_writes_it_for_nobody_else_to_read(people, ann, tmp_path):
    out = tmp_path / "ann.zip"
    call_command("subject", "export", str(ann[0].pk), "--out", str(out), stdout=io.StringIO())
    assert out.stat().st_mode & 0o777 == 0o600
    assert "index.html" in zipfile.ZipFile(out).namelist()
    with pytest.raises(CommandError):
        call_command("subject", "export", str(uuid4()), "--out", str(tmp_path / "none.zip"))
    assert not (tmp_path / "none.zip").exists()
    assert not list(Path(tmp_path).glob("*.part"))


def test_many_files_are_sent_a_piece_at_a_time(people):
    """The zip leaves while it is made: no piece holds a whole file."""
    with scope.system():
        subject = subject_create(by=None).subject
    collection = make_collection()
    asset = make_asset(
        collection, rendition=b"\0" * 3_000_000, modality="image", media_type="image/png"
    )
    with scope.system():
        AssetSubject.objects.create(asset=asset, subject=subject.pk, via="console")
    pieces = list(archive_stream(archive_begin(by=None, subject_id=subject.pk)))
    assert max(map(len, pieces)) < 200_000
    assert sum(map(len, pieces)) > 3_000_000
