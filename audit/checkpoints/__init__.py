"""Checkpoints: the ledger in one signed hash, kept where the database's owner cannot reach."""

from __future__ import annotations

from audit.checkpoints.proofs import (
    ConsistencyProof,
    EntryProof,
    Inclusion,
    NotCovered,
    consistency_of,
    proof_of,
)
from audit.checkpoints.taking import (
    LedgerBroken,
    checkpoint_due,
    checkpoint_if_due,
    checkpoint_now,
)

__all__ = [
    "ConsistencyProof",
    "EntryProof",
    "Inclusion",
    "LedgerBroken",
    "NotCovered",
    "checkpoint_due",
    "checkpoint_if_due",
    "checkpoint_now",
    "consistency_of",
    "proof_of",
]
