from __future__ import annotations

import signal
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.chaining import (
    BATCH,
    CheckpointFileError,
    LedgerCheck,
    chain_forever,
    chain_pending,
    checkpoints_read,
    ledger_verify,
)


class Command(BaseCommand):
    """``ledger chain`` gives events their place in the chain, ``ledger verify`` checks it."""

    help = "Chain pending ledger events, or verify the ledger."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        actions = parser.add_subparsers(dest="action", required=True)
        chain = actions.add_parser("chain", help="chain pending events as they come, until stopped")
        chain.add_argument("--once", action="store_true", help="chain what waits now and end")
        verify = actions.add_parser("verify", help="recompute every hash; exit 1 at a fault")
        verify.add_argument(
            "--checkpoints",
            type=Path,
            metavar="FILE",
            help='JSON lines {"seq": …, "hash": …} that were kept elsewhere',
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Runs the subcommand."""
        if options["action"] == "chain":
            self._chain(once=options["once"])
        else:
            self._verify(options["checkpoints"])

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

    def _verify(self, checkpoint_file: Path | None) -> None:
        try:
            checkpoints = checkpoints_read(checkpoint_file) if checkpoint_file else {}
        except CheckpointFileError as error:
            raise CommandError(error.detail, returncode=2) from None
        found = ledger_verify(checkpoints=checkpoints)
        if found.fault:
            self.stdout.write(f"first bad sequence number: {found.fault.seq}")
            self.stdout.write(f"why: {found.fault.reason}")
            self.stdout.write(f"{found.entries} entries before it hold")
            sys.exit(1)
        self._report(found)

    def _report(self, found: LedgerCheck) -> None:
        self.stdout.write(f"{found.entries} entries verified; all hold")
        if found.entries:
            self.stdout.write(f"head: {found.head_seq} {found.head_hash.hex()}")
        self.stdout.write(f"{found.pending} events wait to be chained")
        if found.checkpoints:
            self.stdout.write(
                f"{found.checkpoints} checkpoints agree (their signatures are not checked here)"
            )
        else:
            self.stdout.write(
                "A cut tail or a chain replaced as a whole shows only against a checkpoint kept "
                "elsewhere (--checkpoints)."
            )
