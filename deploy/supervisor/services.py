"""The processes of the appliance: how each is started and how it says that it is ready."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.process import Launch
from deploy.embedded.redis import EmbeddedRedis
from deploy.env import env_int
from deploy.paths import ROOT, Paths
from deploy.supervisor.health import unix_healthy, web_healthy, worker_listening
from deploy.supervisor.options import Options

_WORKERS = 2  # celery processes that ingest
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104 - how to reach ourselves


@dataclass(frozen=True)
class Service:
    """One child. ``prepare`` runs before every start, ``ready`` is asked until it is true."""

    name: str
    launch: Launch
    ready: Callable[[], bool]
    prepare: Callable[[], object] = lambda: None
    start_seconds: float = 300.0
    grace_seconds: float = 15.0


def postgres_service(paths: Paths) -> Service:
    """The embedded database."""
    server = EmbeddedPostgres(paths)
    server.prepare()
    return Service(
        "postgres", server.launch(), server.ready, prepare=server.prepare, grace_seconds=120.0
    )


def redis_service(paths: Paths) -> Service:
    """The embedded queue."""
    server = EmbeddedRedis(paths)
    return Service("redis", server.launch(), server.ready, prepare=server.prepare)


def model_services(paths: Paths, env: Mapping[str, str]) -> list[Service]:
    """The two servers that need neither database nor queue."""
    return [
        _python_service(
            "model",
            [
                *("workers.model_server", "--socket", str(paths.model_socket)),
                *("--models", str(paths.models)),
            ],
            paths=paths,
            env=env,
            ready=lambda: unix_healthy(paths.model_socket),
        ),
        _python_service(
            "redaction",
            [
                *("workers.redaction_server", "--socket", str(paths.redaction_socket)),
                *("--models", str(paths.models)),
            ],
            paths=paths,
            env=env,
            ready=lambda: unix_healthy(paths.redaction_socket),
        ),
    ]


def task_services(paths: Paths, env: Mapping[str, str], *, redis_url: str) -> list[Service]:
    """Celery's worker and beat, and the process that chains the ledger."""
    celery = ["celery", "-A", "deploy.celery"]
    workers = env_int("VITRINE_INGESTION_WORKERS", _WORKERS, at_least=1)
    return [
        _python_service(
            "worker",
            [
                *(*celery, "worker", "--concurrency", str(workers), "-n", "vitrine@%h"),
                *(
                    "-Q",
                    "query,ingest,housekeeping,reembed",
                    "--without-gossip",
                    "--without-mingle",
                ),
                *("--loglevel", "WARNING"),
            ],
            paths=paths,
            env=env,
            ready=lambda: worker_listening(redis_url),
            grace_seconds=30.0,
        ),
        _python_service(
            "beat",
            [
                *(*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""),
                *("--schedule", str(paths.run / "beat-schedule")),
            ],
            paths=paths,
            env=env,
        ),
        _python_service(
            "chain", [str(ROOT / "manage.py"), "ledger", "chain"], paths=paths, env=env
        ),
    ]


def web_service(
    paths: Paths, env: Mapping[str, str], options: Options, *, tls_key: Path | None
) -> Service:
    """The web server; ``tls_key`` is the private key in PKCS#8."""
    host = _WILDCARDS.get(options.listen, options.listen) if options.loopback else options.listen
    arguments = ["granian", "--interface", "wsgi", "--host", host, "--port", str(options.port)]
    arguments += ["--workers", "1", "--blocking-threads", "8", "--backpressure", "64"]
    arguments += ["--log-level", "warning", "--no-ws", "--workers-kill-timeout", "10"]
    arguments += ["--respawn-failed-workers"]
    if options.tls_cert and tls_key:
        arguments += ["--ssl-certificate", str(options.tls_cert), "--ssl-keyfile", str(tls_key)]
        arguments += ["--ssl-protocol-min", "tls1.2"]
    reach = _WILDCARDS.get(options.listen, options.listen)
    return _python_service(
        "web",
        [*arguments, "deploy.wsgi:application"],
        paths=paths,
        env=env,
        ready=lambda: web_healthy(reach, options.port, tls=options.tls_cert is not None),
    )


def _python_service(
    name: str,
    arguments: list[str],
    *,
    paths: Paths,
    env: Mapping[str, str],
    ready: Callable[[], bool] = lambda: True,
    grace_seconds: float = 15.0,
) -> Service:
    """A child that runs a module (or a script, where the first argument is a path)."""
    script = arguments[0].endswith(".py")
    return Service(
        name,
        Launch(
            argv=[sys.executable, *([] if script else ["-m"]), *arguments],
            log=paths.log / f"{name}.log",
            env=env,
            cwd=ROOT,
            orphan_signal=signal.SIGTERM,
        ),
        ready,
        grace_seconds=grace_seconds,
    )
