"""The real Postgres, Redis and folders: what is in them is found, and proven to be findable."""

import gzip
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection

from audit.canary.search import search
from deploy.canary.cluster import ClusterFiles, WriteAheadLog
from deploy.canary.dump import Dump
from deploy.canary.files import CONTROL, Folder
from deploy.canary.places import _pg_dump
from deploy.canary.processes import Processes
from deploy.canary.queue import Queue, QueueFiles
from deploy.canary.scratch import Scratch
from deploy.canary.tables import Tables, Views
from deploy.embedded.urls import database_url
from deploy.env import parse_database_url

TOKEN = "leaked.person@example.com"
OTHER = "another.person@example.com"


@contextmanager
def superuser():
    """Logins to the test database as the embedded server's superuser; skips where there is none."""
    secret = settings.PATHS.secrets / "postgres_superuser_password"
    if not secret.exists():
        pytest.skip("DATABASE_URL names a server whose files and superuser are not ours")
    name = connection.settings_dict["NAME"]
    url = database_url(
        settings.PATHS, password=secret.read_text().strip(), user="postgres", database=name
    )
    with ExitStack() as stack:
        yield (
            parse_database_url(url),
            stack.enter_context(psycopg.connect(url, autocommit=True)),
            stack.enter_context(psycopg.connect(url, autocommit=True)),
        )


def by_store(report):
    assert [(s.name, s.missed, s.failures) for s in report.stores if not s.looked] == []
    return {s.name: {(hit.token, hit.where, hit.way) for hit in s.hits} for s in report.stores}


@pytest.mark.django_db
def test_a_leak_is_found_in_every_layer_of_the_database_and_nothing_is_left_behind():
    pgdata = settings.PATHS.postgres.resolve()
    with superuser() as (login, one, two):
        tables = "SELECT count(*) FROM pg_class WHERE relname LIKE 'vitrine_canary%'"
        one.execute("DROP TABLE IF EXISTS leak")
        one.execute("CREATE TABLE leak (id int, body text)")
        one.execute("INSERT INTO leak VALUES (1, %s)", ["x" * 9000 + TOKEN + "y" * 9000])
        one.execute("INSERT INTO leak VALUES (2, %s)", [OTHER])
        one.execute("DELETE FROM leak WHERE id = 2")
        (leak,) = one.execute("SELECT pg_relation_filepath('leak')").fetchone()
        try:
            scratch = Scratch(one)
            stores = [
                Tables(one, scratch),
                Views(one, two, scratch),
                Dump(_pg_dump(), login, scratch),
                ClusterFiles(pgdata, scratch),
                WriteAheadLog(pgdata, scratch),
            ]
            report = search([TOKEN, OTHER], stores)
        finally:
            one.execute("DROP TABLE leak")
        assert one.execute(tables).fetchone() == (0,)
    found = by_store(report)
    assert not report.clean
    assert found["database tables"] == {(0, "leak.body", ("plain",))}
    assert (0, "pg_dump", ("plain",)) in found["database dump"]
    places = {(token, where, way[0]) for token, where, way in found["database files"]}
    assert (0, f"{leak} (leak)", "toast") in places  # compressed in its row
    assert (1, f"{leak} (leak)", "plain") in places  # deleted, and still there
    assert {token for token, _, _ in found["write-ahead log"]} == {0, 1}
    # What is told names places and tokens by number, never the tokens.
    assert TOKEN not in repr(report)


@pytest.mark.django_db
def test_the_database_shows_no_more_of_a_statement_than_its_beginning():
    with superuser() as (_, one, _two):
        with connection.cursor() as cursor:
            wide = (
                "SELECT %s" + ", 'retrieval_asset'" * 10 + " FROM retrieval_asset WHERE source = %s"
            )
            cursor.execute(wide, ["early", TOKEN])
        shown = "".join(str(row) for row in one.execute("SELECT query FROM pg_stat_activity"))
    assert "early" in shown
    assert TOKEN not in shown


@pytest.mark.django_db
def test_a_stopped_cluster_is_searched_by_its_files(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "base" / "1").write_bytes(bytes(100) + TOKEN.encode())
    report = search([TOKEN], [ClusterFiles(tmp_path, None), WriteAheadLog(tmp_path, None)])
    found = by_store(report)
    assert found == {"database files": {(0, "base/1", ("plain",))}, "write-ahead log": set()}
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["1", "base", "pg_wal"]


def test_redis_is_searched_key_by_key():
    url = os.environ["REDIS_URL"]
    with redis.Redis.from_url(url) as client:
        client.hset("test:canary:hash", "field", gzip.compress(TOKEN.encode()))
        client.set(f"test:canary:{OTHER}", "1")
        try:
            found = by_store(search([TOKEN, OTHER], [Queue(url)]))["Redis"]
        finally:
            client.delete("test:canary:hash", f"test:canary:{OTHER}")
        assert list(client.scan_iter(match="canary:control:*")) == []
    assert {(token, way[-1]) for token, _, way in found} == {(0, "plain"), (1, "plain")}
    assert (1, "db0 (names of keys)", ("plain",)) in found
    assert not any(OTHER in where for _, where, _ in found)


def test_a_dump_of_redis_is_searched_in_its_packed_strings(tmp_path):
    url = os.environ["REDIS_URL"]
    with redis.Redis.from_url(url) as client:
        folder = Path(client.config_get("dir")["dir"])
        name = client.config_get("dbfilename")["dbfilename"]
        if not os.access(folder, os.W_OK) or (folder / name).exists():
            pytest.skip("REDIS_URL names a server whose folder is not ours to write to")
        client.set("test:canary:packed", f"{TOKEN[9:]} {TOKEN[:9]} " * 3 + TOKEN)
        try:
            client.save()
            (folder / name).rename(tmp_path / name)
        finally:
            client.delete("test:canary:packed")
    assert TOKEN.encode() not in (tmp_path / name).read_bytes()
    found = by_store(search([TOKEN], [QueueFiles("dump", tmp_path)]))["dump"]
    assert found == {(0, name, ("lzf", "plain"))}


def test_command_lines_and_environments_are_searched(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", "input()", TOKEN],
        env={"VITRINE_DATA": str(tmp_path), "MAIL": OTHER},
        stdin=subprocess.PIPE,
    )
    try:
        found = by_store(search([TOKEN, OTHER], [Processes(tmp_path)]))["process tables"]
    finally:
        child.communicate(b"\n")
    assert {(token, where) for token, where, _ in found} == {
        (0, f"command line of {child.pid}"),
        (1, f"environment of {child.pid}"),
    }


def test_a_folder_is_searched_by_content_and_by_name(tmp_path):
    inner = tmp_path / "a" / f"of {OTHER}"
    inner.mkdir(parents=True)
    (inner / "notes").write_bytes(TOKEN.encode("utf-16-le"))
    (tmp_path / "link").symlink_to(f"/nowhere/{OTHER}")
    report = search([TOKEN, OTHER], [Folder("folder", tmp_path)])
    found = by_store(report)["folder"]
    assert {(token, way) for token, _, way in found} == {(0, ("utf-16-le",)), (1, ("plain",))}
    # Beside a name that must not be told, others are told by their inodes.
    where = sorted(where for token, where, _ in found if token == 1)
    assert [place.split()[-1] for place in where] == ["(names)"] * 2
    assert not any(OTHER in where for _, where, _ in found)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "link"]


def test_a_store_whose_control_is_not_found_counts_as_not_searched(tmp_path):
    class Blind(Folder):
        def look_at(self, path, place, look):
            if not path.name.startswith(CONTROL):
                super().look_at(path, place, look)

    report = search([TOKEN], [Blind("blind", tmp_path), Folder("gone", tmp_path / "gone")])
    assert not report.clean
    assert [(s.name, s.looked) for s in report.stores] == [("blind", False)]
    assert [name for name, _ in report.absent] == ["gone"]


def test_a_file_that_cannot_be_read_counts_as_not_searched(tmp_path):
    class Closed(Folder):
        def look_at(self, path: Path, place, look):
            if path.name == "closed":
                raise PermissionError(13, "Permission denied")
            super().look_at(path, place, look)

    (tmp_path / "closed").touch()
    report = search([TOKEN], [Closed("folder", tmp_path)])
    assert not report.clean
    assert report.stores[0].failures == ("closed: Permission denied",)
    assert not report.stores[0].missed
