"""Both real servers, on sockets of a test's own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from audit import actors
from audit.keystore import default_keystore
from deploy.paths import ROOT, Paths
from retrieval import clients
from retrieval.encoders.client import ModelClient, ModelUnavailable
from retrieval.models import Asset
from retrieval.redaction.client import RedactionClient
from retrieval.redaction.errors import RedactionUnavailable
from retrieval.services.stages import Again, stage_run
from retrieval.states import STAGE_OF, State
from tests.factories import reloaded

_LIMIT_SECONDS = 300


@contextmanager
def live_servers(
    folder: Path, settings, *, models: bool = False, prepare: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """The appliance's data in ``folder``; with ``models``, its model folder instead of the starter.

    ``prepare`` is called while the servers start.
    """
    settings.PATHS = Paths(folder)
    settings.PATHS.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    default_keystore.cache_clear()
    actors._known.clear()
    sockets = {
        "redaction": settings.PATHS.redaction_socket,
        "model": settings.PATHS.model_socket,
    }
    more = {"model": ["--models", str(settings.PATHS.models)] if models else []}
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", f"workers.{name}_server", "--socket", str(path)),
                *more.get(name, []),
            ],
            cwd=ROOT,
        )
        for name, path in sockets.items()
    ]
    redaction, model = RedactionClient(sockets["redaction"]), ModelClient(sockets["model"])
    try:
        prepare()
        for client, process in zip((redaction, model), processes, strict=True):
            _wait_for(client, process)
        with clients.override(redaction=redaction, models=model):
            yield
    finally:
        redaction.close()
        model.close()
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
        default_keystore.cache_clear()
        actors._known.clear()


def _wait_for(client: RedactionClient | ModelClient, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + _LIMIT_SECONDS
    while True:
        try:
            client.health()
        except (RedactionUnavailable, ModelUnavailable):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < limit
            time.sleep(0.2)
        else:
            return


def rested(asset_id: UUID) -> Asset:
    """The asset once all its stages are through; they run here."""
    limit = time.monotonic() + _LIMIT_SECONDS
    while True:
        asset = reloaded(Asset(pk=asset_id))
        stage = STAGE_OF.get(State(asset.state))
        if stage is None:
            return asset
        again = stage_run(stage=stage, asset_id=asset_id)
        assert time.monotonic() < limit
        if isinstance(again, Again):
            time.sleep(again.seconds)
