"""``python -m deploy.embedded``: only the database and the queue server, for working on the code.

``eval "$(python -m deploy.embedded --data DIR --detach)"`` starts both and sets the variables that
settings read; ``python -m deploy.embedded --data DIR --stop`` ends them.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.files import make_data_folders, secret_file
from deploy.embedded.place import remove_outside
from deploy.embedded.postgres import EmbeddedPostgres, PostgresError
from deploy.embedded.process import Launch, no_core_dumps, spawn, stop, wait_until
from deploy.embedded.redis import EmbeddedRedis
from deploy.paths import Paths

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


def variables(paths: Paths) -> dict[str, str]:
    """The environment that points settings at the embedded servers of ``paths``."""
    return {
        "VITRINE_DATA": str(paths.data),
        "DATABASE_URL": EmbeddedPostgres(paths).url(),
        "REDIS_URL": EmbeddedRedis(paths).url(),
    }


@contextmanager
def running(paths: Paths, *, outlives_parent: bool = False) -> Iterator[dict[str, str]]:
    """Both servers, ready, as environment variables; stopped on leaving unless they outlive us.

    Raises:
        PostgresError: a server did not start; the message names its log.
    """
    no_core_dumps()
    make_data_folders(paths)
    secret_file(paths.secrets / "secret_key", nbytes=64)
    secret_file(paths.secrets / "db_app_password")
    postgres, queue = EmbeddedPostgres(paths), EmbeddedRedis(paths)
    children = []
    try:
        for server in (postgres, queue):
            server.prepare()
            launch = server.launch(outlives_parent=outlives_parent)
            child = spawn(launch)
            children.append((child, launch))
            _await(server, child, launch)
        postgres.bootstrap()
        yield variables(paths)
    except BaseException:
        outlives_parent = False
        raise
    finally:
        if not outlives_parent:
            for child, launch in reversed(children):
                stop(child, stop_signal=launch.stop_signal, grace_seconds=_STOP_SECONDS)


def _await(
    server: EmbeddedPostgres | EmbeddedRedis, child: subprocess.Popen[bytes], launch: Launch
) -> None:
    wait_until(lambda: child.poll() is not None or server.ready(), seconds=_START_SECONDS)
    if child.poll() is not None or not server.ready():
        raise PostgresError(f"a server did not start: see {launch.log}")


def main(argv: list[str]) -> int:
    """Exit status: 0 when started (or stopped), 1 with a reason when not."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument("--detach", action="store_true", help="return once both are ready")
    parser.add_argument("--stop", action="store_true", help="stop the detached servers")
    parser.add_argument(
        "--destroy", action="store_true", help="with --stop: delete the cluster too"
    )
    options = parser.parse_args(argv)
    paths = Paths(options.data.resolve())
    if options.stop:
        make_data_folders(paths)
        EmbeddedRedis(paths).stop_detached()
        EmbeddedPostgres(paths).stop_detached()
        if options.destroy:
            remove_outside(paths)
        return 0
    try:
        with running(paths, outlives_parent=options.detach) as environment:
            for name, value in environment.items():
                print(f"export {name}={shlex.quote(value)}")
            sys.stdout.flush()
            if not options.detach:
                signal.signal(signal.SIGTERM, signal.default_int_handler)
                signal.pause()
    except PostgresError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
