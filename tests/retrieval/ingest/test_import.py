import os
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from retrieval import scope
from retrieval.errors import NotVisible
from retrieval.models import Asset
from retrieval.services import bulk
from retrieval.services.bulk import FileNotes, import_folder
from retrieval.services.description import description_read
from tests.factories import make_collection, make_reader, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in put"
    (place / "sub").mkdir(parents=True)
    (place / "a.txt").write_text("first")
    (place / "sub" / "b.txt").write_text("second")
    (place / "sub" / "copy of a.txt").write_text("first")
    (place / ".hidden").write_text("not this")
    (place / "link.txt").symlink_to("/etc/hostname")
    return place


@pytest.fixture
def collection():
    return make_collection()


def count():
    with scope.system():
        return Asset.objects.count()


def test_a_folder_is_taken_in_once(collection, folder, monkeypatch):
    done = import_folder(collection_id=collection.pk, folder=folder, source="the shelf")
    assert (done.created, done.known, done.refused) == (2, 1, {})
    assert set(done.assets) == {"a.txt", "sub/b.txt", "sub/copy of a.txt"}
    assert done.assets["a.txt"] == done.assets["sub/copy of a.txt"]
    assert description_read(asset_id=done.assets["a.txt"]).source == "the shelf"

    def unread(path):
        raise AssertionError("read again")

    monkeypatch.setattr(bulk, "_pieces", unread)
    again = import_folder(collection_id=collection.pk, folder=folder)
    assert (again.created, again.known, again.assets) == (0, 3, done.assets)
    assert count() == 2


def test_a_changed_file_is_taken_and_a_deleted_asset_too(collection, folder):
    first = import_folder(collection_id=collection.pk, folder=folder)
    (folder / "a.txt").write_text("changed, and longer")
    with scope.system():
        Asset.objects.filter(pk=first.assets["sub/b.txt"]).delete()
    again = import_folder(collection_id=collection.pk, folder=folder)
    assert again.created == 2
    assert again.assets["a.txt"] != first.assets["a.txt"]


def test_an_interrupted_import_goes_on(collection, folder):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_folder(collection_id=collection.pk, folder=folder, on_file=interrupt)
    assert count() == 1
    done = import_folder(collection_id=collection.pk, folder=folder)
    assert (done.created, count()) == (1, 2)


def test_what_was_remembered_says_nothing_in_the_open(collection, folder, paths):
    import_folder(collection_id=collection.pk, folder=folder)
    (remembered,) = (paths.data / "import").iterdir()
    assert b"a.txt" not in remembered.read_bytes()
    assert b":" not in remembered.read_bytes()[:1]


def test_notes_give_titles_by_file(collection, folder):
    notes = {"sub/b.txt": FileNotes(title="Second", metadata={"n": 2})}
    done = import_folder(collection_id=collection.pk, folder=folder, notes=notes)
    kept = description_read(asset_id=done.assets["sub/b.txt"])
    assert (kept.title, kept.metadata) == ("Second", {"n": 2})


def test_a_file_that_is_too_large_is_named_and_the_others_are_taken(collection, folder, settings):
    settings.VITRINE_MAX_UPLOAD_BYTES = 10
    (folder / "big.txt").write_text("x" * 11)
    done = import_folder(collection_id=collection.pk, folder=folder)
    assert list(done.refused) == ["big.txt"]
    assert done.created == 2


def test_an_import_has_its_user_s_rights(collection, folder):
    with pytest.raises(NotVisible):
        import_folder(collection_id=collection.pk, folder=folder, user=make_user())
    assert count() == 0
    contributor = make_reader(collection, "contributor")
    done = import_folder(collection_id=collection.pk, folder=folder, user=contributor)
    assert done.created == 2


def run(*args):
    out = StringIO()
    call_command("import", *map(str, args), stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_by_name_and_by_id(collection, folder):
    assert "3 files" in run(collection.name, folder, "--dry-run")
    assert count() == 0
    assert "2 taken in, 1 known already, 0 refused." in run(collection.name, folder, "--no-wait")
    assert "0 taken in, 3 known already" in run(collection.pk, folder, "--no-wait")


def test_the_command_waits_and_says_how_it_ended(collection, folder, monkeypatch):
    import importlib

    module = importlib.import_module("retrieval.management.commands.import")

    def finish(seconds):
        with scope.system():
            Asset.objects.exclude(title="x").update(
                state="rejected", reason="r", reason_detail="It is broken."
            )

    monkeypatch.setattr(module.time, "sleep", finish)
    told = run(collection.name, folder)
    assert "a.txt: rejected. It is broken." in told
    assert "Now: 2 rejected." in told


def test_watching_takes_what_arrives_until_interrupted(collection, folder, monkeypatch):
    import importlib

    module = importlib.import_module("retrieval.management.commands.import")
    old = time.time() - 60
    for path in folder.rglob("*"):
        os.utime(path, (old, old))
    rounds = []

    def pause(seconds):
        rounds.append(count())
        if len(rounds) == 1:
            (folder / "late.txt").write_text("still being written")
        elif len(rounds) == 2:
            os.utime(folder / "late.txt", (old, old))
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", pause)
    told = run(collection.name, folder, "--watch", "--no-wait")
    assert rounds == [2, 2, 3]
    assert "Stopped. Run it again" in told


def test_the_command_refuses_in_one_sentence(collection, folder, tmp_path):
    twin = make_collection("twin")
    make_collection("twin")
    outsider = make_user("outsider")
    for args, message in [
        (("nothing", folder), "There is no collection 'nothing'."),
        ((twin.name, folder), "Several collections are called 'twin'; give the id instead."),
        ((collection.name, tmp_path / "nowhere"), "is not a folder."),
        ((collection.name, folder, "--user", "nobody"), "There is no active user 'nobody'."),
        ((collection.name, folder, "--user", outsider.username), "There is no such collection."),
    ]:
        with pytest.raises(CommandError) as refused:
            run(*args)
        assert message in str(refused.value)
