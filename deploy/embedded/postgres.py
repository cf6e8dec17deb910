"""The embedded PostgreSQL 18 with pgvector: its cluster, configuration, roles and life."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.embedded.account import named_account
from deploy.embedded.files import secret_file
from deploy.embedded.place import Place, find_place
from deploy.embedded.process import Account, Launch, is_running, kill_session, wait_until
from deploy.embedded.urls import DATABASE, OWNER, database_url
from deploy.paths import Paths
from deploy.setup.preflight import memory_bytes

PORT = "5432"  # only names the socket: .s.PGSQL.5432
_SMALL_SHM_BYTES = 1 << 30
# Of the machine's memory: a search walks through an index page by page, several times slower where
# the pages lie outside the server's own buffers. Shared memory counts only once touched.
_BUFFERS_SHARE, _LEAST_BUFFERS, _MOST_BUFFERS = 1 / 6, 256 << 20, 16 << 30
_STALE_STOP_SECONDS = 60.0

_HBA = """\
# Written at every start. Passwords only, over the private socket only.
local all all scram-sha-256
"""

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": PORT,
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "huge_pages": "off",
    "jit": "off",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    # Old segments are removed, not renamed with all that was written into them: see erasure.
    "wal_recycle": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "8",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "10min",
    # Nothing a person typed or stored may reach a log: errors quote values, so none is written.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "%m [%p] ",
    # The least there is: values come late in a statement, and pg_stat_activity shows its beginning.
    "track_activity_query_size": "100",
}


class PostgresError(RuntimeError):
    """The embedded database cannot be made or started; the message says what to do."""


class EmbeddedPostgres:
    """One appliance's own database server."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._place: Place | None = None

    @property
    def place(self) -> Place:
        """Where it lies; found, and its folders made, on first use."""
        if self._place is None:
            self._place = find_place(self._paths)
        return self._place

    def url(self, *, user: str = OWNER, database: str = DATABASE) -> str:
        """The DATABASE_URL of ``user``: a login over the private socket."""
        secret = "postgres_superuser_password" if user == "postgres" else "db_owner_password"
        password = secret_file(self._paths.secrets / secret)
        return database_url(self._paths, password=password, user=user, database=database)

    def prepare(self) -> None:
        """Make the cluster if there is none, write its configuration, clear what a crash left."""
        pgdata = self.place.pgdata
        if not (pgdata / "PG_VERSION").exists():
            self._initdb(pgdata)
        self._stop_stale(pgdata)
        self._write(pgdata / "postgresql.auto.conf", "")
        self._write(pgdata / "postgresql.conf", self._configuration())
        self._write(pgdata / "pg_hba.conf", _HBA)

    def launch(self, *, outlives_parent: bool = False) -> Launch:
        """How the server is started. SIGINT is Postgres's fast, clean shutdown."""
        return Launch(
            argv=[str(self.place.programs / "bin" / "postgres"), "-D", str(self.place.pgdata)],
            log=self._paths.log / "postgres.log",
            env={"LC_ALL": "C", "TZ": "UTC"},
            cwd=Path("/"),
            account=self.place.account,
            stop_signal=signal.SIGINT,
            orphan_signal=None if outlives_parent else signal.SIGINT,
        )

    def ready(self) -> bool:
        """Whether the server takes connections."""
        try:
            psycopg.connect(
                self.url(user="postgres", database="postgres"), connect_timeout=2
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def bootstrap(self) -> None:
        """The owner role, its database and the vector extension exist (idempotent)."""
        with self._superuser("postgres") as connection:
            _ensure_owner(connection, secret_file(self._paths.secrets / "db_owner_password"))
            exists = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
        # Test databases are copies of template1; the extension must be there before ours is made.
        self._ensure_vector("template1")
        if not exists:
            with self._superuser("postgres") as connection:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )
                connection.execute(
                    sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(
                        sql.Identifier(DATABASE)
                    )
                )
        self._ensure_vector(DATABASE)

    def _superuser(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url(user="postgres", database=database), autocommit=True)

    def _ensure_vector(self, database: str) -> None:
        with self._superuser(database) as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute("ALTER EXTENSION vector UPDATE")

    def _configuration(self) -> str:
        settings = dict(_SETTINGS, unix_socket_directories=str(self.place.socket_dir))
        memory = memory_bytes()
        buffers = min(max(int(memory * _BUFFERS_SHARE), _LEAST_BUFFERS), _MOST_BUFFERS)
        settings["shared_buffers"] = f"{buffers >> 20}MB"
        settings["effective_cache_size"] = f"{max(memory >> 21, 1024)}MB"
        # Containers often give /dev/shm 64 MB, too little for a parallel index build.
        settings["dynamic_shared_memory_type"] = (
            "posix" if _shm_bytes() >= _SMALL_SHM_BYTES else "mmap"
        )
        lines = [
            f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()
        ]
        return "# Written at every start.\n" + "\n".join(lines) + "\n"

    def _write(self, path: Path, content: str) -> None:
        """Replace a file of the cluster, keeping its owner."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if self.place.account:
                os.fchown(descriptor, self.place.account.uid, self.place.account.gid)
            file.write(content)

    def _initdb(self, pgdata: Path) -> None:
        """A new cluster, complete or not there at all."""
        partial = pgdata.with_name("postgres.partial")
        shutil.rmtree(partial, ignore_errors=True)
        if pgdata.exists():
            raise PostgresError(f"{pgdata} holds no database cluster: move it away and start again")
        partial.mkdir(mode=0o700)
        account = named_account(self.place.account) if self.place.account else None
        if account:
            os.chown(partial, account.uid, account.gid)
        password = secret_file(self._paths.secrets / "postgres_superuser_password")
        with tempfile.TemporaryFile() as pwfile:  # reaches initdb as a descriptor, never as a name
            pwfile.write(f"{password}\n".encode())
            pwfile.flush()
            if account:
                os.fchown(pwfile.fileno(), account.uid, account.gid)
            done = _run_initdb(self.place.programs, partial, pwfile.fileno(), account)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise PostgresError(f"the database could not be made: {reason}")
        if self.place.account:
            _hand_over(partial, self.place.account)
        partial.rename(pgdata)

    def _stop_stale(self, pgdata: Path) -> None:
        """End a server that outlived its supervisor, and drop the locks of one that is gone.

        Postgres alone would refuse to start where another process has since got the dead one's pid,
        which is likely in a container.
        """
        lock = pgdata / "postmaster.pid"
        try:
            pid = int(lock.read_text(encoding="ascii").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            pid = 0
        if pid > 0 and is_running(pid, argv_contains=str(pgdata)):
            os.kill(pid, signal.SIGINT)
            if not wait_until(
                lambda: not is_running(pid, argv_contains=str(pgdata)), seconds=_STALE_STOP_SECONDS
            ):
                kill_session(pid)
        lock.unlink(missing_ok=True)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.place.socket_dir / name).unlink(missing_ok=True)

    def stop_detached(self) -> None:
        """Stop a server that was started to outlive its parent."""
        self._stop_stale(self.place.pgdata)


def _shm_bytes() -> int:
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108 - only its size is asked
    except OSError:
        return 0
    return status.f_frsize * status.f_blocks


def _run_initdb(
    programs: Path, pgdata: Path, pwfile: int, account: Account | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(programs / "bin" / "initdb"),
            *("-D", str(pgdata), "-U", "postgres", f"--pwfile=/proc/self/fd/{pwfile}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        ],
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        pass_fds=[pwfile],
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        check=False,
    )


def _hand_over(folder: Path, account: Account) -> None:
    os.chown(folder, account.uid, account.gid)
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(root) / name, account.uid, account.gid, follow_symlinks=False)


def _ensure_owner(connection: psycopg.Connection[tuple[object, ...]], password: str) -> None:
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone()
    statement = "ALTER ROLE {} LOGIN CREATEROLE CREATEDB NOSUPERUSER PASSWORD {}"
    if not exists:
        statement = statement.replace("ALTER", "CREATE")
    connection.execute(sql.SQL(statement).format(sql.Identifier(OWNER), sql.Literal(password)))
