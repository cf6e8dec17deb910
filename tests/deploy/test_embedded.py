import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from deploy.embedded import place as place_module
from deploy.embedded.__main__ import running
from deploy.embedded.account import named_account, server_account
from deploy.embedded.files import make_data_folders
from deploy.embedded.place import find_place, packaged_programs, remove_outside
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.process import spawn, stop, wait_until
from deploy.embedded.redis import EmbeddedRedis
from deploy.paths import ROOT, Paths
from deploy.supervisor.errors import StartError
from deploy.supervisor.external import check_database, check_redis

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives Postgres another account")


@pytest.fixture(scope="module")
def paths():
    # Not pytest's own folder: that one is closed to the account Postgres has under root.
    folder = Path(tempfile.mkdtemp(prefix="vitrine test ' "))
    yield Paths(folder.resolve())
    remove_outside(Paths(folder.resolve()))
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def environment(paths):
    with running(paths) as variables:
        yield variables


def superuser(paths: Paths, database: str = "vitrine"):
    url = EmbeddedPostgres(paths).url(user="postgres", database=database)
    return psycopg.connect(url, autocommit=True)


def test_the_database_is_ours_alone_and_has_vectors(environment, paths):
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        role = connection.execute(
            "SELECT current_user::text, rolsuper, rolcreaterole FROM pg_roles "
            "WHERE rolname = current_user"
        ).fetchone()
        assert role == ("vitrine_owner", False, True)
        assert connection.execute("SELECT '[1,2]'::halfvec(2) <-> '[1,2]'").fetchone() == (0.0,)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.info.server_version >= 180000


def test_a_wrong_password_is_refused(environment):
    wrong = environment["DATABASE_URL"].replace("vitrine_owner:", "vitrine_owner:x", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_nothing_that_was_asked_of_the_database_is_in_its_log(environment, paths):
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT 'canary-one'::uuid")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT %s FROM canary_two", ["canary-three"])
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute("DO $$ BEGIN RAISE EXCEPTION 'canary-four'; END $$")
        connection.execute("DO $$ BEGIN RAISE WARNING 'canary-five'; END $$")
    log = (paths.log / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "canary" not in log


def test_redis_asks_for_its_password_and_listens_nowhere_else(environment, paths):
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        assert client.ping()
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
    with (
        redis.Redis(unix_socket_path=str(paths.redis_socket)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_sockets_lie_behind_private_folders(environment, paths):
    assert paths.redis_socket.stat().st_mode & 0o777 == 0o700
    assert paths.postgres_socket_dir.stat().st_mode & 0o777 == 0o700
    others = 0o007
    assert not paths.data.stat().st_mode & others
    assert not paths.run.stat().st_mode & others


def test_a_real_server_is_checked_before_use(environment, monkeypatch):
    check_database(environment["DATABASE_URL"])
    check_redis(environment["REDIS_URL"])
    for url, says in (
        ("mysql://a:b@c/d", "postgresql://"),
        ("postgresql://a:b@/d?host=/nowhere", "cannot be reached"),
        (environment["DATABASE_URL"].replace("vitrine_owner:", "vitrine_owner:x", 1), "reached"),
    ):
        with pytest.raises(StartError, match=says) as refusal:
            check_database(url)
        assert "\n" not in str(refusal.value)
    with pytest.raises(StartError, match="REDIS_URL"):
        check_redis("unix:///nowhere/redis.sock")


def test_a_login_without_the_needed_rights_is_refused(environment, paths):
    with superuser(paths) as connection:
        connection.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
        connection.execute("GRANT CONNECT ON DATABASE vitrine TO weak")
    host = environment["DATABASE_URL"].partition("?")[2]
    with pytest.raises(StartError, match="CREATEROLE"):
        check_database(f"postgresql://weak:weak@/vitrine?{host}")


def test_killed_servers_come_back_with_their_data():
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-")).resolve()
    paths = Paths(folder)
    try:
        command = [sys.executable, "-m", "deploy.embedded", "--data", str(folder), "--detach"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        assert "export DATABASE_URL=" in done.stdout
        url = EmbeddedPostgres(paths).url()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (1)")
        postmaster = int((paths.postgres / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        # A stranger has the dead server's pid by now, as happens in containers.
        (paths.postgres / "postmaster.pid").write_text(f"{os.getpid()}\n{paths.postgres}\n")
        with running(paths), psycopg.connect(url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    finally:
        EmbeddedRedis(paths).stop_detached()
        EmbeddedPostgres(paths).stop_detached()
        remove_outside(paths)
        shutil.rmtree(folder)


@as_root
def test_under_root_the_database_has_an_account_of_its_own(environment, paths):
    pid = int((paths.postgres / "postmaster.pid").read_text().split()[0])
    uid = Path(f"/proc/{pid}").stat().st_uid
    account = server_account(paths.postgres)
    assert account is not None
    assert uid == account.uid
    assert uid not in {0, named_account(account).uid}
    assert paths.data.stat().st_gid == account.gid


@as_root
def test_under_root_a_closed_parent_is_left_closed_and_linked_around(tmp_path, monkeypatch):
    # As in a clone below /root: neither the data nor the packaged programs can be reached.
    packaged = packaged_programs()
    monkeypatch.setattr(
        place_module, "can_run", lambda program, _: not program.is_relative_to(packaged)
    )
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    paths = Paths(home / "data")
    make_data_folders(paths)
    try:
        place = find_place(paths)
        assert not place.pgdata.is_relative_to(home)
        assert not place.programs.is_relative_to(packaged)
        assert find_place(paths).programs == place.programs
        assert home.stat().st_mode & 0o777 == 0o700
        server = EmbeddedPostgres(paths)
        server.prepare()
        launch = server.launch()
        child = spawn(launch)
        try:
            assert wait_until(server.ready, seconds=30)
            assert (paths.postgres / "PG_VERSION").read_text().strip() == "18"
        finally:
            stop(child, stop_signal=launch.stop_signal, grace_seconds=20)
    finally:
        remove_outside(paths)
    assert not place.pgdata.exists()
