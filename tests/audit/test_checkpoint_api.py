"""Checkpoints, proofs and the export over REST: who gets them, and that they check elsewhere."""

import importlib.util
import json
from pathlib import Path

import pytest

from audit import ledger, standalone
from audit.checkpoints import checkpoint_now
from audit.sink_addresses import sink_addresses
from tests.cast import cast, client_of

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/audit/"
FILE = Path(standalone.__file__).with_name(standalone.FILE_NAME)
spec = importlib.util.spec_from_file_location("vitrine_verify_of_api_tests", FILE)
alone = importlib.util.module_from_spec(spec)
spec.loader.exec_module(alone)
FOR_STEWARDS = ["checkpoints/", "checkpoints/{old}/", "checkpoints/{new}/consistency/?since={old}"]
FOR_STEWARDS += ["key/", "verifier/"]
FOR_GOVERNORS = ["checkpoints/{old}/inclusion/?seq=2", "entries/2/proof/", "export/"]


@pytest.fixture
def people(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses(["/nowhere/secret"])
    return cast()


@pytest.fixture
def sizes(people, some_events):
    """Of two checkpoints: ``old`` and ``new``."""
    some_events(3)
    old = checkpoint_now().tree_size
    some_events(1)
    return {"old": old, "new": checkpoint_now().tree_size}


def test_who_gets_what(people, sizes):
    for path in FOR_STEWARDS + FOR_GOVERNORS:
        url = ROOT + path.format(**sizes)
        for user in (people.outsider, people.searcher, people.curator, people.operator):
            assert client_of(user).get(url).status_code == 403, path
        assert client_of(None).get(url).status_code == 401
        assert client_of(people.governor).get(url).status_code == 200, path
        expected = 200 if path in FOR_STEWARDS else 403
        assert client_of(people.steward).get(url).status_code == expected, path


def test_what_it_says_checks_elsewhere(people, sizes, tmp_path, capsys):
    governor = client_of(people.governor)

    def kept(name, answer):
        file = tmp_path / name
        file.write_bytes(answer.getvalue())
        return str(file)

    key = kept("key.pem", governor.get(ROOT + "key/"))
    page = governor.get(ROOT + "checkpoints/").json()
    assert [one["id"] for one in page["results"]] == [sizes["new"], sizes["old"]]
    assert page["results"][0]["deliveries"] == [{"delivered_at": None, "tries": 0}]
    assert "nowhere" not in json.dumps(page)
    old = tmp_path / "old.json"
    old.write_text(json.dumps(page["results"][1]["document"]))
    between = kept(
        "new",
        governor.get(f"{ROOT}checkpoints/{sizes['new']}/consistency/", {"since": sizes["old"]}),
    )
    assert alone.main(["consistency", str(old), between, "--key", key]) == 0
    for path in (f"checkpoints/{sizes['new']}/inclusion/?seq=2", "entries/4/proof/"):
        assert alone.main(["proof", kept("p", governor.get(ROOT + path)), "--key", key]) == 0
    export = kept("export", governor.get(ROOT + "export/"))
    assert alone.main(["ledger", export, "--checkpoints", str(old), "--key", key]) == 0
    assert "1 kept elsewhere, 2 from the export" in capsys.readouterr().out
    assert governor.get(ROOT + "verifier/").content.decode() == standalone.source()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("checkpoints/1/", 404),
        ("checkpoints/{old}/inclusion/?seq={new}", 404),
        ("checkpoints/{old}/inclusion/", 400),
        ("checkpoints/{old}/inclusion/?seq=0", 400),
        ("checkpoints/{old}/consistency/?since={new}", 404),
        ("checkpoints/{old}/consistency/?since=x", 400),
        ("entries/1000/proof/", 404),
        ("entries/99999999999999999999/proof/", 404),
    ],
)
def test_what_is_not_there_is_said_so(people, sizes, path, status):
    answer = client_of(people.governor).get(ROOT + path.format(**sizes))
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_an_export_is_recorded_and_streamed_in_pages(people, sizes, monkeypatch):
    monkeypatch.setattr("audit.export._PAGE", 2)
    answer = client_of(people.governor).get(ROOT + "export/")
    assert answer.streaming
    lines = b"".join(answer.streaming_content).splitlines()
    entries = [json.loads(line) for line in lines if b'"seq"' in line]
    assert [one["seq"] for one in entries] == list(range(1, len(entries) + 1))
    assert entries[-1]["event"] == "audit:ledger:export"
    head = json.loads(lines[0])
    assert head["last_seq"] == len(entries)
    assert head["exported_by"] == entries[-1]["actor"]


def test_nobody_is_named_in_an_export(people, sizes):
    from audit.actors import actor_for, identity_of

    actor = actor_for(people.governor.pk, people.governor.username)
    ledger.record(event="test:thing:happen", actor=actor, refs={})
    text = client_of(people.governor).get(ROOT + "export/").getvalue().decode()
    assert str(actor) in text
    assert identity_of(actor).label == people.governor.username
    assert people.governor.username not in text
    assert str(people.governor.pk) not in text
