"""A verification against checkpoints, told in the words that the stand-alone verifier uses too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audit.checkpoint_models import Checkpoint
from audit.checkpoints.held import Held, held_of, held_read
from audit.rotation import known_keys
from audit.signing import keys_of_pem
from audit.verification import LedgerCheck, ledger_verify


@dataclass(frozen=True)
class Verdict:
    """What was found: ``check`` of the chain, and the checkpoints it was compared with."""

    check: LedgerCheck
    elsewhere: int
    carried: int  # of the database's own
    agree: int
    held: Held

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.check.fault is None and not self.held.bad

    def as_json(self) -> dict[str, Any]:
        """As ``vitrine_verify ledger --json`` prints it, and how many events are pending."""
        check = self.check
        fault = check.fault
        return {
            "ok": self.ok,
            "entries": check.entries,
            "head_seq": check.head_seq,
            "head_hash": check.head_hash.hex(),
            "first_bad": fault.seq if fault else None,
            "reason": fault.reason if fault else "",
            "since": fault.since if fault else None,
            "checkpoints": {
                "agree": self.agree,
                "signed": self.held.signed,
                "carried": self.carried,
                "bad": [asdict(one) for one in self.held.bad],
            },
            "backwards": {
                "entries": check.backwards.entries,
                "most_seconds": check.backwards.most_seconds,
                "at": check.backwards.at_seq,
            },
            "elsewhere": self.elsewhere,
            "pending": check.pending,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        check, late = self.check, self.check.backwards
        bad = [f"bad checkpoint of {one.size} entries: {one.reason}" for one in self.held.bad]
        if check.fault is not None:
            return [
                f"first bad sequence number: {check.fault.seq}",
                f"why: {check.fault.reason}",
                f"{check.entries} entries before it hold",
                *bad,
            ]
        said = [*bad, f"{check.entries} entries verified; all hold"]
        if check.entries:
            said.append(f"head: {check.head_seq} {check.head_hash.hex()}")
        said.append(f"{check.pending} events wait to be chained")
        said.append(
            f"{self.agree} checkpoints agree: {self.elsewhere} kept elsewhere, {self.carried} from "
            f"the database; {self.held.signed} signatures hold"
        )
        if not self.elsewhere:
            said.append(
                "A cut tail or a chain replaced as a whole shows only against a checkpoint kept "
                "elsewhere (--checkpoints)."
            )
        if late.entries:
            said.append(
                f"notice: {late.entries} entries have an earlier time than one before them, at "
                f"most {late.most_seconds:.3f} s (entry {late.at_seq})"
            )
        return said


def ledger_judge(*, files: list[Path], keys: list[Path]) -> Verdict:
    """The whole ledger against checkpoints in ``files`` and those in the database; reads only.

    ``keys`` are PEM files of public keys to trust instead of those in the key store.

    Raises:
        audit.checkpoints.held.CheckpointFileError: a file that cannot be used.
        ValueError, OSError: a key that cannot be used.
    """
    given = {name: key for file in keys for name, key in keys_of_pem(file.read_bytes()).items()}
    trusted = known_keys(given or None)
    held = Held()
    for file in files:
        held.add(held_read(file, trusted))
    elsewhere = len({one.size for one in held.known if not one.mentioned})
    own = held_of(
        Checkpoint.objects.order_by("tree_size").values_list("document", flat=True), trusted
    )
    held.add(own)
    check = ledger_verify(known=held.known)
    agree = len({one.size for one in held.known if not one.mentioned})
    return Verdict(check=check, elsewhere=elsewhere, carried=own.signed, agree=agree, held=held)
