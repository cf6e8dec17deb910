"""``python -m workers.model_server --socket PATH [--models DIR]``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from workers import uds

if TYPE_CHECKING:
    from workers.model_server.library import BundleLibrary
    from workers.model_server.store import ModelStore

_IDLE_MINUTES: Final = 10.0

log = structlog.get_logger()


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 1 where the socket is taken."""
    options = _parser().parse_args(arguments)
    uds.configure_logging("model")
    # Before any model library is imported: none of them may ask the network for anything.
    os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"})
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # OpenMP reads it for every thread that computes; torch.set_num_threads binds its caller only.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(options.threads)
    from workers.model_server.app import ModelServer
    from workers.model_server.library import BundleLibrary
    from workers.model_server.scheduler import Scheduler
    from workers.model_server.store import ModelStore

    library = BundleLibrary(options.models)
    store = ModelStore(library, threads=options.threads, idle_seconds=60 * options.idle_minutes)
    _load_one(store, library)
    server = ModelServer(store, Scheduler())
    try:
        uds.serve(server.app(), options.socket)
    except uds.SocketTakenError:
        log.error("socket-taken")  # noqa: TRY400 - nothing more to say
        return 1
    return 0


def _load_one(store: ModelStore, library: BundleLibrary) -> None:
    """The first active model into memory, if it can be had.

    Done before anybody can connect: importing torch keeps the interpreter busy for seconds, in
    which no health question would be answered. The other active models follow while it serves.
    """
    from workers.model_server.types import ModelRefusal

    active = library.active()
    for ref in sorted(active, key=lambda ref: (ref != library.builtin_ref, ref)):
        try:
            store.load(ref)
        except ModelRefusal as refusal:
            # The others are served all the same.
            log.error("active-refused", model=ref, code=refusal.code)  # noqa: TRY400 - says all
        else:
            return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workers.model_server", description=main.__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument("--models", type=Path, help="folder of installed bundles")
    parser.add_argument(
        "--idle-minutes",
        type=float,
        default=float(os.environ.get("VITRINE_MODEL_IDLE_MINUTES") or _IDLE_MINUTES),
        help="a model that is not active leaves memory after so long without a request "
        "(default: VITRINE_MODEL_IDLE_MINUTES, or 10)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=int(os.environ.get("VITRINE_MODEL_THREADS") or _cores()),
        help="torch threads (default: VITRINE_MODEL_THREADS, or the cores this process may use)",
    )
    return parser


def _cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    sys.exit(main())
