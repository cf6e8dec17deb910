from __future__ import annotations

import json
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from audit import signing, standalone
from audit.chaining import BATCH, chain_forever, chain_pending
from audit.checkpoints import LedgerBroken, checkpoint_now
from audit.checkpoints.delivery import deliver_due
from audit.checkpoints.held import CheckpointFileError
from audit.export import export_lines
from audit.rotation import key_rotate
from audit.verdict import ledger_judge

_FILE_HELP = "file, or - for standard output"


class Command(BaseCommand):
    """The ledger: chain it, verify it, sign checkpoints of it, hand it over."""

    help = "Chain, verify, sign and export the ledger."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        actions = parser.add_subparsers(dest="action", required=True)
        chain = actions.add_parser("chain", help="chain pending events as they come, until stopped")
        chain.add_argument("--once", action="store_true", help="chain what waits now and end")
        verify = actions.add_parser("verify", help="recompute every hash; exit 1 at a fault")
        paper = actions.add_parser("paper", help="check scanned checkpoints against the ledger")
        for one in (verify, paper):
            one.add_argument(
                "--key",
                type=Path,
                action="append",
                default=[],
                metavar="PEM",
                help="trust this public key instead of those in the key store",
            )
            one.add_argument("--json", action="store_true", help="the findings as JSON")
        verify.add_argument(
            "--checkpoints",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="signed checkpoints kept elsewhere (a file, or a folder of them), or lines "
            '{"seq": …, "hash": …}',
        )
        paper.add_argument(
            "file", type=Path, help="what a scanner read from the QR codes, one a line"
        )
        actions.add_parser("checkpoint", help="sign what is there now, and deliver it")
        export = actions.add_parser("export", help="the ledger as JSON lines, for an auditor")
        export.add_argument("file", help=_FILE_HELP)
        actions.add_parser("verifier", help="print the stand-alone verifier (one Python file)")
        actions.add_parser("key", help="print the public key that checks signatures (PEM)")
        actions.add_parser("rotate-key", help="a new signing key, vouched for by the old one")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Runs the subcommand."""
        actions: dict[str, Callable[[], None]] = {
            "chain": lambda: self._chain(once=options["once"]),
            "verify": lambda: self._verify(options["checkpoints"], options),
            "paper": lambda: self._verify([options["file"]], options),
            "checkpoint": self._checkpoint,
            "export": lambda: self._export(options["file"]),
            "verifier": lambda: self.stdout.write(standalone.source(), ending=""),
            "key": lambda: self.stdout.write(signing.public_key_pem(), ending=""),
            "rotate-key": lambda: self.stdout.write(f"key {key_rotate(by=None)} signs from now on"),
        }
        actions[options["action"]]()

    def _chain(self, *, once: bool) -> None:
        if once:
            total = 0
            while chained := chain_pending():
                total += chained
                if chained < BATCH:
                    break
            self.stdout.write(f"{total} events chained")
            return
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        chain_forever(stop)

    def _verify(self, files: list[Path], options: dict[str, Any]) -> None:
        try:
            verdict = ledger_judge(files=files, keys=options["key"])
        except CheckpointFileError as error:
            raise CommandError(error.detail, returncode=2) from None
        except (OSError, ValueError):
            raise CommandError("a public key cannot be read (PEM, Ed25519)", returncode=2) from None
        said = json.dumps(verdict.as_json()) if options["json"] else "\n".join(verdict.lines())
        self.stdout.write(said)
        if not verdict.ok:
            sys.exit(1)

    def _checkpoint(self) -> None:
        try:
            made = checkpoint_now()
        except LedgerBroken as error:
            raise CommandError(error.detail) from None
        if made is None:
            self.stdout.write("the ledger is empty")
            return
        self.stdout.write(json.dumps(made.document, ensure_ascii=False))
        delivered = deliver_due()
        self.stderr.write(f"{delivered.sent} deliveries made, {delivered.failed} failed")

    def _export(self, name: str) -> None:
        if name == "-":
            _write(sys.stdout.buffer)
            return
        try:
            with Path(name).open("xb") as file:
                _write(file)
        except FileExistsError:
            raise CommandError(f"{name} exists; it was left as it is") from None


def _write(file: BinaryIO) -> None:
    file.writelines(export_lines(by=None))
