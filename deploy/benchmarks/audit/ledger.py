"""A ledger of a million entries: built, verified, changed in every way, and verified again.

A process of its own with Django's settings; prints its findings as JSON on the last line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import django

from deploy.benchmarks.audit.building import build
from deploy.benchmarks.audit.changing import Planted, opened, planted, restore
from deploy.paths import ROOT

_SEED = 6
_CPU_TICKS = os.sysconf("SC_CLK_TCK")
_VERIFIER = ROOT / "audit" / "standalone" / "vitrine_verify.py"


def main() -> int:
    """Does all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    django.setup()
    built = build(app_url(), options.entries)
    witness = _witness(options.folder)
    _say(f"{built.entries:,} entries in the chain; verifying")
    found = {
        "built": asdict(built),
        "inside": _verified_inside(witness["folder"]),
        "outside": _verified_outside(witness, options.folder),
        "changes": _changes(witness, options.folder),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def app_url() -> str:
    """How the application logs in."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    settings = connection.settings_dict
    return make_conninfo(
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        host=settings["HOST"],
        port=settings["PORT"] or None,
    )


def _witness(folder: Path) -> dict[str, str]:
    """The checkpoints as a sink keeps them, and the key as an auditor has it."""
    from django.conf import settings

    from audit import signing
    from audit.checkpoints.delivery import deliver_due

    while deliver_due().sent:
        pass
    key = folder / "key.pem"
    key.write_text(signing.public_key_pem())
    return {"folder": str(settings.PATHS.checkpoints), "key": str(key)}


def _verified_inside(witness: str) -> dict[str, Any]:
    """``ledger verify`` against the witness: CPU seconds of this process and of its backend."""
    from django.db import connection

    from audit.verdict import ledger_judge

    connection.ensure_connection()
    backend = connection.connection.info.backend_pid
    before, began, cpu = _cpu_of(backend), time.monotonic(), time.process_time()
    verdict = ledger_judge(files=[Path(witness)], keys=[])
    return {
        "ok": verdict.ok,
        "entries": verdict.check.entries,
        "checkpoints": verdict.agree,
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "database_cpu": _cpu_of(backend) - before,
    }


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CPU_TICKS  # utime and stime, proc(5)


def _verified_outside(witness: dict[str, str], folder: Path) -> dict[str, Any]:
    """The export, and the stand-alone verifier on it, alone in a process of its own."""
    file = folder / "export.jsonl"
    began = time.monotonic()
    with file.open("wb") as out:
        subprocess.run(
            [sys.executable, "manage.py", "ledger", "export", "-"], cwd=ROOT, stdout=out, check=True
        )
    exported = time.monotonic() - began
    before, began = os.times(), time.monotonic()
    done = subprocess.run(
        _alone(str(file), witness), stdout=subprocess.PIPE, check=False, text=True
    )
    after = os.times()
    verdict: dict[str, Any] = json.loads(done.stdout)
    size = file.stat().st_size
    file.unlink()
    return {
        "ok": verdict["ok"],
        "entries": verdict["entries"],
        "checkpoints": verdict["checkpoints"]["agree"],
        "seconds": time.monotonic() - began,
        "cpu": after.children_user + after.children_system
        - before.children_user - before.children_system,
        "export_seconds": exported,
        "bytes": size,
    }  # fmt: skip


def _alone(file: str, witness: dict[str, str]) -> list[str]:
    return [
        sys.executable, "-I", str(_VERIFIER), "ledger", file, "--json",
        "--checkpoints", witness["folder"], "--key", witness["key"],
    ]  # fmt: skip


def _changes(witness: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    from audit.chaining import chain_pending
    from audit.checkpoint_models import Checkpoint, LedgerNode
    from audit.models import LedgerEntry
    from deploy.benchmarks.search.vectors_store import superuser

    chain_pending()
    last = LedgerEntry.objects.latest("seq").seq
    found = []
    with superuser(folder) as conn, opened(conn):
        for one in planted(last, _SEED):
            if one.undo is None:  # whoever replaces a chain takes its checkpoints along
                Checkpoint.objects.all().delete()
                LedgerNode.objects.all().delete()
            one.do(conn)
            found.append(_both(one, witness))
            restore(conn, one, last)
    return found


def _both(one: Planted, witness: dict[str, str]) -> dict[str, Any]:
    inside = subprocess.run(
        [sys.executable, "manage.py", "ledger", "verify", "--json", "--checkpoints",
         witness["folder"]],
        cwd=ROOT, stdout=subprocess.PIPE, check=False, text=True,
    )  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "manage.py", "ledger", "export", "-"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as export:  # fmt: skip
        outside = subprocess.run(
            _alone("-", witness),
            stdin=export.stdout,
            stdout=subprocess.PIPE,
            check=False,
            text=True,
        )
        with contextlib.suppress(AttributeError):
            export.stdout.close()  # type: ignore[union-attr] # the verifier has read enough
    verdicts = [json.loads(done.stdout) for done in (inside, outside)]
    said = {
        "name": one.name,
        "planted": one.bad,
        "first_bad": [verdict["first_bad"] for verdict in verdicts],
        "since": [verdict["since"] for verdict in verdicts],
        "status": [inside.returncode, outside.returncode],
    }
    _say(json.dumps(said))
    return said


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
