"""Backups of the tests' database: shared files, damage, half runs, pruning, keys apart."""

import errno
import os
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit import actors, signing
from audit.backups import backups_living, backups_until
from audit.keystore import KeyDestroyed, KeyStore, default_keystore
from audit.lines import lines_append, lines_read
from audit.masterkey import MasterKeySource
from deploy.backup import make
from deploy.backup.check import data_check, keys_check
from deploy.backup.database import _BLIND_POLICIES, program
from deploy.backup.errors import BackupError
from deploy.backup.keys import keys_read
from deploy.backup.layout import DUMP, ids_in, keys_beside, locked
from deploy.backup.manifest import index_read, key_name
from deploy.backup.prune import prune
from deploy.backup.restore import Wanted, _keys
from deploy.backup.tombs import tombs_merge
from deploy.embedded.files import make_data_folders
from deploy.paths import Paths
from deploy.supervisor.errors import StartError
from deploy.supervisor.options import Options
from deploy.supervisor.up import up
from tests.conftest import owner_login
from tests.factories import make_asset, make_collection
from tests.retrieval.search.conftest import TABLE, World, fake_table  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def paths(tmp_path, settings, monkeypatch):
    settings.PATHS = Paths(tmp_path / "data")
    make_data_folders(settings.PATHS)
    owner = owner_login()
    host = f"?host={owner.host}" if owner.host.startswith("/") else ""
    at = "" if host else f"{owner.host}:{owner.port}"
    name = connection.settings_dict["NAME"]
    monkeypatch.setenv(
        "DATABASE_URL", f"postgresql://{owner.user}:{owner.password}@{at}/{name}{host}"
    )
    default_keystore.cache_clear()
    actors._known.clear()
    yield settings.PATHS
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


def backup(folder, *options):
    call_command("backup", str(folder), *options)
    return ids_in(folder)[-1]


def asset(number=0, **fields):
    return make_asset(
        make_collection(), raw=b"raw %d" % number, rendition=b"rendition %d" % number, **fields
    )


def test_a_second_backup_shares_what_did_not_change(folder, paths):
    first_asset = asset(1)
    first = backup(folder)
    asset(2)
    second = backup(folder)
    name = f"media/rendition/{first_asset.pk}"
    places = [folder / one / name for one in (first, second)]
    assert places[0].stat().st_ino == places[1].stat().st_ino
    assert (paths.data / name).stat().st_ino != places[0].stat().st_ino
    assert len(index_read(folder / second)) == len(index_read(folder / first)) + 3
    call_command("backup", str(folder), "--verify")
    assert [entry.id for entry in backups_living()] == [first, second]
    until = backups_until()
    assert until is not None
    assert timedelta(days=29) < until - datetime.now(UTC) < timedelta(days=31)


def test_what_is_destroyed_is_overwritten_here_and_stays_whole_in_the_backup(folder, paths):
    from audit.durable import overwrite_and_remove

    made = asset(1)
    first = backup(folder)
    overwrite_and_remove(paths.media / "rendition" / str(made.pk))
    data_check(folder / first, default_keystore())
    assert len(index_read(folder / backup(folder))) == len(index_read(folder / first)) - 1


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(bytes(content))


def test_damage_is_found_wherever_it_is(folder):
    made = asset(1)
    backup_id = backup(folder)
    keys = keys_beside(folder)
    whole = shutil.copytree(folder / backup_id, folder / "whole")
    for name in ("manifest.json", "files.tsv", DUMP, f"media/rendition/{made.pk}"):
        spoil(folder / backup_id / name)
        with pytest.raises(BackupError, match=r"damaged|altered"):
            data_check(folder / backup_id, default_keystore())
        shutil.rmtree(folder / backup_id)
        shutil.copytree(whole, folder / backup_id)
    (folder / backup_id / f"media/rendition/{made.pk}").unlink()
    with pytest.raises(CommandError, match="damaged"):
        call_command("backup", str(folder), "--verify")
    keys_check(keys / backup_id, default_keystore())
    spoil(keys / backup_id / "keys.tar")
    with pytest.raises(BackupError, match="damaged"):
        keys_check(keys / backup_id, default_keystore())


def test_a_manifest_made_without_our_keys_is_not_ours(folder, tmp_path):
    asset(1)
    backup_id = backup(folder)
    stranger = KeyStore.initialise(tmp_path / "other", MasterKeySource())
    with pytest.raises(BackupError, match="another appliance"):
        data_check(folder / backup_id, stranger)
    stranger.get_or_create("system", key_name(backup_id))
    with pytest.raises(BackupError, match="not ours"):
        data_check(folder / backup_id, stranger)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_run_that_fails_leaves_nothing_that_looks_whole(folder, monkeypatch, number):
    asset(1)
    whole = backup(folder)

    def fails(*_, **__):
        raise OSError(number, os.strerror(number))

    (folder / ".partial-of-a-killed-run").mkdir()
    monkeypatch.setattr(make, "index_write", fails)
    with pytest.raises(CommandError, match="nothing of it was left"):
        backup(folder)
    assert ids_in(folder) == [whole]
    assert not list(folder.glob(".partial*"))
    assert [entry.id for entry in backups_living()] == [whole]
    living = [name for name in default_keystore().ids("system") if name.startswith("backup-")]
    assert living == [key_name(whole)]


def test_two_at_once_are_refused(folder):
    with locked(folder), pytest.raises(CommandError, match="Another backup"):
        backup(folder)


@pytest.mark.parametrize("options", [["--keep-days", "0"], ["--keep-days", "3"]])
def test_periods_that_make_no_sense_are_refused(folder, options):
    with pytest.raises(CommandError, match="keep-days"):
        backup(folder, *options)


def test_folders_in_each_other_are_refused(paths):
    with pytest.raises(CommandError, match="in each other"):
        backup(paths.data / "backups")


def test_what_is_over_is_pruned_and_its_key_destroyed(folder):
    asset(1)
    old, new = backup(folder), backup(folder)
    keys = keys_beside(folder)
    assert prune(folder, keys) == (0, 0)
    assert prune(folder, keys, now=datetime.now(UTC) + timedelta(days=8)) == (0, 1)
    assert (ids_in(folder), ids_in(keys)) == ([old, new], [new])
    assert prune(folder, keys, now=datetime.now(UTC) + timedelta(days=400)) == (1, 0)
    assert (ids_in(folder), ids_in(keys)) == ([new], [new])  # the newest stays
    with pytest.raises(KeyDestroyed):
        default_keystore().get("system", key_name(old))
    assert [entry.id for entry in backups_living()] == [new]


def test_destroyed_keys_are_not_copied_and_passwords_of_the_place_neither(folder, paths, tmp_path):
    kept, gone = asset(1), asset(2)
    (paths.secrets / "secret_key").write_text("secret", encoding="ascii")
    (paths.secrets / "db_owner_password").write_text("of this place", encoding="ascii")
    default_keystore().destroy("asset", str(gone.pk))
    backup_id = backup(folder)
    copies = keys_beside(folder) / backup_id
    keys_read(copies / "keys.tar", tmp_path / "unpacked")
    unpacked = KeyStore(tmp_path / "unpacked")
    assert unpacked.get("asset", str(kept.pk)) == default_keystore().get("asset", str(kept.pk))
    with pytest.raises(KeyDestroyed):
        unpacked.get("asset", str(gone.pk))
    everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert b"of this place" not in everything + (copies / "secrets.sealed").read_bytes()
    assert (paths.keys / "master.key").read_bytes() not in everything


def test_an_archive_of_keys_cannot_write_elsewhere(tmp_path):
    (tmp_path / "x").write_text("x")
    with tarfile.open(tmp_path / "keys.tar", "w") as archive:
        archive.add(tmp_path / "x", arcname="../outside")
    with pytest.raises(BackupError, match="damaged"):
        keys_read(tmp_path / "keys.tar", tmp_path / "in")
    assert not (tmp_path / "outside").exists()


def test_a_restore_without_the_right_master_key_is_refused(folder, paths, tmp_path):
    asset(1)
    backup_id = backup(folder)
    other = tmp_path / "other.key"
    other.write_bytes(os.urandom(32))
    elsewhere = Paths(tmp_path / "elsewhere")
    make_data_folders(elsewhere)
    wanted = Wanted(
        folder=folder,
        keys=keys_beside(folder),
        source=MasterKeySource(key_file=other),
        say=lambda _: None,
    )
    with (
        pytest.raises(BackupError, match="does not open here"),
        _keys(elsewhere, wanted, backup_id),
    ):
        pass
    assert not list(elsewhere.keys.iterdir())
    assert not (elsewhere.data / "keys.restoring").exists()


def test_the_dump_holds_every_row_behind_every_policy(folder, fake_table):  # noqa: F811
    """Read by the owner, who is no superuser, as on a server of one's own."""
    world = World()
    world.put(make_collection(), world.vector("bear"))
    backup_id = backup(folder)
    key = default_keystore().get("system", key_name(backup_id))
    from deploy.backup.database import dump_pieces

    plain = b"".join(dump_pieces(folder / backup_id / DUMP, key=key, backup_id=backup_id))
    done = subprocess.run(
        [program("pg_restore"), "--data-only", "--file=-"], input=plain, capture_output=True,
        check=True,
    )  # fmt: skip
    copied, table, counts = False, "", {}
    for line in done.stdout.decode().splitlines():
        if line.startswith("COPY public."):
            table, copied = line.split()[1].removeprefix("public.").strip('"'), True
            counts[table] = 0
        elif line == "\\.":
            copied = False
        elif copied:
            counts[table] += 1
    assert counts["retrieval_asset"] == counts["retrieval_collection"] == 1
    assert sum(rows for name, rows in counts.items() if name.startswith(f"{TABLE}_s")) == 1
    assert "django_session" not in counts
    with psycopg.connect(os.environ["DATABASE_URL"]) as conn:
        assert conn.execute(_BLIND_POLICIES).fetchall() == []


def test_a_dump_with_a_long_list_is_read(folder):
    """What pg_restore lists of it is longer than a pipe holds."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as conn:
        conn.execute("CREATE SCHEMA many")
        try:
            with conn.transaction():
                for number in range(700):
                    conn.execute(f"CREATE TABLE many.{'t' * 50}_{number} (id int PRIMARY KEY)")
            data_check(folder / backup(folder), default_keystore())
        finally:
            conn.execute("SET client_min_messages = error")
            conn.execute("DROP SCHEMA many CASCADE")


def test_a_table_that_cannot_be_read_wholly_stops_the_backup(folder):
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as conn:
        conn.execute("CREATE TABLE hidden_rows (id int)")
        try:
            conn.execute("ALTER TABLE hidden_rows ENABLE ROW LEVEL SECURITY")
            conn.execute("ALTER TABLE hidden_rows FORCE ROW LEVEL SECURITY")
            conn.execute("CREATE POLICY few ON hidden_rows USING (id = 1)")
            with pytest.raises(CommandError, match="hidden_rows"):
                backup(folder)
        finally:
            conn.execute("DROP TABLE hidden_rows")


def test_tombstones_lie_beside_all_backups(folder, paths):
    lines_append(paths.tombstones / "erased.jsonl", [{"kind": "asset", "id": "1"}])
    backup(folder)
    lines_append(paths.tombstones / "erased.jsonl", [{"kind": "asset", "id": "2"}])
    backup(folder)
    for place in (folder, keys_beside(folder)):
        ids = [line["id"] for line in lines_read(place / "tombstones" / "erased.jsonl")]
        assert ids == ["1", "2"]
    assert tombs_merge(paths.tombstones, folder / "tombstones") == 0


def test_a_torn_line_spoils_none_but_itself(tmp_path):
    path = tmp_path / "lines.jsonl"
    lines_append(path, [{"n": 1}])
    with path.open("ab") as file:
        file.write(b'{"n": 2')
    lines_append(path, [{"n": 3}])
    assert [line["n"] for line in lines_read(path)] == [1, 3]


def test_nothing_is_served_while_a_restore_is_not_finished(paths):
    paths.restoring.write_text("{}")
    with pytest.raises(StartError, match="not finished"):
        up(Options(data=paths.data), when_ready=lambda: None)


def test_the_manifest_is_signed_for_others_too(folder):
    from deploy.backup.manifest import manifest_read

    asset(1)
    manifest = manifest_read(folder / backup(folder))
    body = {**manifest.body, "mac": manifest.mac}
    assert signing.verify("backup", body, manifest.signature)
    assert not signing.verify("backup", {**body, "until": "2100-01-01"}, manifest.signature)
