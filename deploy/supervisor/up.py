"""deploy/up: from a data folder, perhaps empty, to an appliance that answers."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.credentials import credentials_read, credentials_update
from deploy.embedded.account import AccountError
from deploy.embedded.files import (
    UnsafeFolderError,
    empty_temporary,
    make_data_folders,
    write_private,
)
from deploy.embedded.postgres import EmbeddedPostgres, PostgresError
from deploy.embedded.process import no_core_dumps
from deploy.paths import Paths
from deploy.setup.offline import models_in
from deploy.supervisor import leftovers
from deploy.supervisor.bootstrap import Manage, Servers, choose_servers, make_secrets
from deploy.supervisor.errors import StartError, StopRequestedError
from deploy.supervisor.options import Options, check_port
from deploy.supervisor.services import (
    Service,
    model_services,
    postgres_service,
    redis_service,
    task_services,
    web_service,
)
from deploy.supervisor.show import Teller, closing_words
from deploy.supervisor.state import (
    DataLock,
    Running,
    forget_running,
    read_running,
    write_running,
)
from deploy.supervisor.tls import usable_key
from deploy.supervisor.watch import Watch


def up(options: Options, *, when_ready: Callable[[], None]) -> int:
    """Run everything until a signal comes; ``when_ready`` is called once it answers.

    Returns the exit status: 0 after an orderly stop, or when it runs already.

    Raises:
        StartError: it cannot start; everything already started has been stopped again.
    """
    paths = Paths(options.data)
    try:
        make_data_folders(paths)
    except (UnsafeFolderError, OSError) as error:
        raise StartError(f"The data folder cannot be used: {error}.") from None
    lock = DataLock(paths)
    if not lock.take():
        return _already_running(paths)
    if paths.restoring.exists():
        lock.release()
        raise StartError(
            f"A restore into {paths.data} was not finished: run manage.py restore again."
        )
    os.environ["VITRINE_DATA"] = str(paths.data)
    demo = _holds_demo(paths) or (options.demo and _first_start(paths))
    if demo and not options.loopback:
        raise StartError(
            f"{paths.data} holds the demo's accounts and must not be reached from other machines: "
            "name a new folder with --data."
        )
    check_port(options)
    first = _first_start(paths)
    teller = Teller()
    watch = Watch(paths=paths, say=teller.say)
    watch.install_signals()
    try:
        _start(options, paths, watch, teller, demo=demo)
        write_running(paths, Running(os.getpid(), options.url, ready=True))
        print(
            closing_words(
                url=options.url,
                credentials=credentials_read(paths.credentials),
                credentials_path=str(paths.credentials),
                first=first,
            ),
            flush=True,
        )
        when_ready()
        watch.forever()
    except StopRequestedError:
        pass
    except (PostgresError, AccountError, OSError) as error:
        raise StartError(f"{error}.") from None
    finally:
        teller.say("stopping")
        watch.stop()
        leftovers.forget(paths)
        forget_running(paths)
        lock.release()
    return 0


def _already_running(paths: Paths) -> int:
    running = read_running(paths)
    where = f" at {running.url} (process {running.pid})" if running else ""
    state = "" if running is None or running.ready else ", still starting"
    print(f"Vitrine runs already{where}{state}; deploy/down stops it.")
    return 0


def _start(options: Options, paths: Paths, watch: Watch, teller: Teller, *, demo: bool) -> None:
    write_running(paths, Running(os.getpid(), options.url, ready=False))
    leftovers.end(paths)
    no_core_dumps()
    empty_temporary(paths)
    make_secrets(paths)
    servers = choose_servers(paths)
    _start_servers(paths, watch, servers)
    env = environment(options, servers, demo=demo)
    manage = Manage(watch, env, paths.log / "setup.log")
    early = model_services(paths, env)
    for service in early:
        _launch(watch, paths, service)
    _prepare_database(manage, paths, teller, demo=demo)
    credentials_update(paths.credentials, url=options.url)
    later = [
        *task_services(paths, env, redis_url=servers.redis_url),
        web_service(paths, env, options, tls_key=_tls_key(options, paths)),
    ]
    for service in later:
        _launch(watch, paths, service)
    watch.wait_ready([service.name for service in (*early, *later)])
    if options.offline is not None:
        _install_models(manage, options.offline, paths, teller)
    if demo and options.demo and not _demo_loaded(paths):
        teller.say(f"the pages answer at {options.url}; loading the demo")
        began = time.monotonic()
        if manage.run("demo", "load") == 0:
            _mark_demo(paths, loaded=True, seconds=time.monotonic() - began)
        else:
            teller.say(f"the demo is not complete, the next start goes on: see {manage.log}")


def _install_models(manage: Manage, bundle: Path, paths: Paths, teller: Teller) -> None:
    """The encoder bundles that came along, if their signatures are trusted here.

    What an earlier start installed is left alone.
    """
    for model in models_in(bundle):
        if (paths.models / model.name).exists():
            continue
        teller.say(f"installing the model {model.name}")
        if manage.run("models", "install", str(model)) != 0:
            teller.say(
                f"{model.name} is not installed, see {manage.log}; once its signer is trusted, or "
                f"with a reason: manage.py models install {model} --unsigned --reason WHY"
            )


def _start_servers(paths: Paths, watch: Watch, servers: Servers) -> None:
    started = []
    if servers.own_database:
        if not paths.postgres.exists():
            watch.say("making the database cluster")
        started.append(postgres_service(paths))
    if servers.own_redis:
        started.append(redis_service(paths))
    for service in started:
        _launch(watch, paths, service)
    watch.wait_ready([service.name for service in started])
    if servers.own_database:
        EmbeddedPostgres(paths).bootstrap()


def _launch(watch: Watch, paths: Paths, service: Service) -> None:
    watch.start(service)
    leftovers.note(paths, [child.process.pid for child in watch.children])


def _prepare_database(manage: Manage, paths: Paths, teller: Teller, *, demo: bool) -> None:
    teller.say("bringing the database up to date")
    if demo and not _holds_demo(paths):
        _mark_demo(paths, loaded=False)
    manage.must("prepare", *(["--demo"] if demo else []))


def environment(options: Options, servers: Servers, *, demo: bool) -> dict[str, str]:
    """What every child of the appliance is told."""
    env = {
        "VITRINE_DATA": str(options.data),
        "VITRINE_LOGGED": "1",  # what it prints lands in a log
        "TMPDIR": str(Paths(options.data).temporary),
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "VITRINE_DEMO": "1" if demo else "0",
        "VITRINE_URL": options.url,
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        # The allocator's per-thread arenas cost far more memory than they win here (mallopt(3)).
        "MALLOC_ARENA_MAX": "2",
    }
    if options.tls_cert:
        env["VITRINE_TLS"] = "1"
        env["VITRINE_TRUSTED_ORIGINS"] = _extended("VITRINE_TRUSTED_ORIGINS", [options.url])
    if not options.loopback:
        names = ["localhost", "127.0.0.1", "[::1]", options.listen, socket.gethostname()]
        env["VITRINE_ALLOWED_HOSTS"] = _extended(
            "VITRINE_ALLOWED_HOSTS", [*names, socket.getfqdn()]
        )
    return env


def _extended(name: str, values: list[str]) -> str:
    given = [value for value in os.environ.get(name, "").split(",") if value]
    return ",".join(dict.fromkeys([*given, *values]))


def _tls_key(options: Options, paths: Paths) -> Path | None:
    if options.tls_cert is None or options.tls_key is None:
        return None
    target = paths.secrets / "tls_key.pem"
    return usable_key(certificate=options.tls_cert, key=options.tls_key, target=target)


def _demo_file(paths: Paths) -> Path:
    return paths.data / "demo.json"


def _first_start(paths: Paths) -> bool:
    """Whether nobody uses this data folder yet: one begun without the demo never gets it later."""
    return "admin" not in credentials_read(paths.credentials)


def _holds_demo(paths: Paths) -> bool:
    """Whether demo accounts were ever made in this data folder."""
    return _demo_file(paths).exists()


def _demo_loaded(paths: Paths) -> bool:
    try:
        return bool(json.loads(_demo_file(paths).read_text(encoding="utf-8"))["loaded"])
    except (OSError, ValueError, KeyError):
        return False


def _mark_demo(paths: Paths, *, loaded: bool, seconds: float | None = None) -> None:
    """Write down that demo accounts are (about to be) here, and how long loading took."""
    note = {"loaded": loaded, "seconds": seconds}
    write_private(_demo_file(paths), json.dumps(note) + "\n")


def report(error: Exception) -> int:
    """Exit status 1 after telling why."""
    print(error, file=sys.stderr, flush=True)
    return 1
