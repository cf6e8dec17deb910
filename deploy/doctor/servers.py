"""The processes: queue, worker, model and redaction server, sandbox, key store, ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from audit.checkpoints.health import sink_probe, witness_state
from audit.keystore import KeyStore
from audit.masterkey import MasterKeyError, MasterKeySource
from audit.models import LedgerPending
from deploy.doctor.finding import Finding
from deploy.supervisor.health import worker_listening
from retrieval import clients
from retrieval.encoders.client import ModelUnavailable
from retrieval.redaction.errors import RedactionUnavailable

_TIMEOUT_SECONDS = 3.0
_RESTART = "Start the appliance with deploy/up; it restarts whatever has stopped."
# Events are chained within about a second (retrieval's searches included).
_BEHIND = timedelta(minutes=1)


def queue() -> Iterator[Finding]:
    """Redis, and whether a worker waits there."""
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_TIMEOUT_SECONDS) as client:
        client.ping()
    yield Finding("queue", "Redis answers")
    waits = worker_listening(settings.REDIS_URL)
    detail = "waits for work" if waits else "none waits for work"
    yield Finding("worker", detail, "" if waits else f"Is it busy, or gone? {_RESTART}")


def model_server() -> Iterator[Finding]:
    """The model server, and whether it finds the bundles."""
    try:
        state = clients.models().health(timeout_seconds=_TIMEOUT_SECONDS)
        found = [model.ref for model in clients.models().models()]
    except ModelUnavailable:
        yield Finding("model server", "does not answer", _RESTART)
        return
    refused = sorted(state.get("refused") or ())
    yield Finding(
        "model server",
        f"{state.get('status', 'ok')}; finds {', '.join(found) or 'no bundle'}",
        f"Install again what it refuses: {', '.join(refused)}" if refused else "",
    )


def redaction_server() -> Iterator[Finding]:
    """The redaction server, and the walls of its sandbox, each tried from inside."""
    try:
        state = clients.redaction().health(timeout_seconds=_TIMEOUT_SECONDS)
    except RedactionUnavailable:
        yield Finding("redaction server", "does not answer", _RESTART)
        return
    yield Finding("redaction server", f"profiles {', '.join(state.get('profiles', []))}")
    yield _sandbox(state.get("sandbox", {}))


def _sandbox(state: dict[str, Any]) -> Finding:
    if not state.get("running"):
        return Finding("sandbox", "is not running", _RESTART)
    walls = state.get("walls", [])
    open_ones = [wall["name"] for wall in walls if not wall["held"]]
    mend = f"Files could get through: {', '.join(open_ones)}. Use a kernel with seccomp."
    held = len(walls) - len(open_ones)
    return Finding("sandbox", f"{held} of {len(walls)} walls hold", mend if open_ones else "")


def key_store() -> Iterator[Finding]:
    """Whether the master key opens the key store."""
    source = MasterKeySource(
        key_file=settings.VITRINE_MASTER_KEY_FILE,
        passphrase_file=settings.VITRINE_MASTER_PASSPHRASE_FILE,
    )
    if not (settings.PATHS.keys / "check").exists():
        yield Finding("key store", "not made yet", "Start the appliance with deploy/up.")
        return
    try:
        KeyStore(settings.PATHS.keys, source)
    except MasterKeyError:
        mend = "Name the master key this store was made with (VITRINE_MASTER_KEY_FILE)."
        yield Finding("key store", "does not open", mend)
        return
    demo = source.key_file is None and source.passphrase_file is None
    kept = "master key beside the data: for a demo only" if demo else "master key kept apart"
    yield Finding("key store", f"opens; {kept}")


def ledger() -> Iterator[Finding]:
    """Whether somebody chains the events."""
    oldest = LedgerPending.objects.aggregate(oldest=Min("at"))["oldest"]
    behind = oldest is not None and timezone.now() - oldest > _BEHIND
    detail = "events wait to be chained" if behind else "up to date"
    yield Finding("ledger", detail, _RESTART if behind else "")
    yield from _checkpoints()


def _checkpoints() -> Iterator[Finding]:
    """How old the last signed one is, and whether it reaches where it is to be kept."""
    state = witness_state()
    if state.last is None:
        detail = "none was signed yet"
    else:
        hours = max(0, int((timezone.now() - state.last.signed_at).total_seconds() // 3600))
        detail = f"{state.last.tree_size} entries signed {hours} h ago"
    yield Finding("checkpoints", detail, _RESTART if state.overdue else "")
    if state.unfinished_rotation:
        mend = "A change of the signing key was cut off: manage.py ledger rotate-key."
        yield Finding("signing key", "two are there", mend)
    if not state.sinks:
        mend = "Name a place outside the database (VITRINE_CHECKPOINT_SINKS)."
        yield Finding("checkpoint sink", "none is configured", mend)
    for sink in state.sinks:
        unreachable = sink_probe(sink.name)
        waiting = f"{sink.waiting} wait" if sink.waiting else "up to date"
        mend = (
            f"It does not take checkpoints ({unreachable or sink.problem}): mend it, or name "
            "another (VITRINE_CHECKPOINT_SINKS)."
        )
        bad = unreachable or sink.alarm
        yield Finding(f"checkpoint sink {sink.name}", waiting, mend if bad else "")
