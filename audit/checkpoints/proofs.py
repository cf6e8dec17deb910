"""Proofs that leave the appliance: an entry is in the ledger, and the ledger only ever grew."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db import transaction

from audit.chain import Entry, entry_fields
from audit.checkpoint_models import Checkpoint
from audit.checkpoints.tree import LedgerTree
from audit.errors import AuditError
from audit.models import LedgerEntry


class NotCovered(AuditError):
    """No checkpoint covers this entry yet, or there is no such entry. ``checkpoint_now`` mends."""

    status = 404


class Inclusion(TypedDict):
    """The way from a leaf to a root: ``path`` in hexadecimal, the lowest first."""

    leaf_index: int
    tree_size: int
    path: list[str]


class EntryProof(TypedDict):
    """An entry, its way to the root, and the signed checkpoint with that root."""

    entry: dict[str, Any]
    inclusion: Inclusion
    checkpoint: dict[str, Any]


class ConsistencyProof(TypedDict):
    """Two signed checkpoints, and that the first is the beginning of the second."""

    first: dict[str, Any]
    second: dict[str, Any]
    path: list[str]


@transaction.atomic
def proof_of(seq: int, *, in_checkpoint: int | None = None) -> EntryProof:
    """Proof that entry ``seq`` is in the ledger, by the first checkpoint that covers it.

    Raises:
        NotCovered: none does, or not the one of ``in_checkpoint`` entries.
    """
    covering = Checkpoint.objects.filter(tree_size__gte=seq).order_by("tree_size")
    if in_checkpoint is not None:
        covering = covering.filter(tree_size=in_checkpoint)
    checkpoint = covering.first()
    row = LedgerEntry.objects.filter(seq=seq).first()
    if checkpoint is None or row is None:
        raise NotCovered(f"No checkpoint covers entry {seq}.")
    size = checkpoint.tree_size
    path = LedgerTree().inclusion(seq, size)
    entry = Entry(
        row.seq, row.at, row.actor, row.event, row.refs, row.payload, bytes(row.prev),
        bytes(row.hash),
    )  # fmt: skip
    return {
        "entry": entry_fields(entry),
        "inclusion": {
            "leaf_index": seq - 1,
            "tree_size": size,
            "path": [one.hex() for one in path],
        },
        "checkpoint": checkpoint.document,
    }


@transaction.atomic
def consistency_of(*, first: int, second: int) -> ConsistencyProof:
    """Proof that the checkpoint of ``first`` entries is the beginning of that of ``second``.

    Raises:
        NotCovered: there is no such checkpoint, or they are the wrong way round.
    """
    found = Checkpoint.objects.in_bulk([first, second])
    if first not in found or second not in found or first > second:
        raise NotCovered("There are no two such checkpoints, the smaller one first.")
    path = LedgerTree().consistency(first, second)
    return {
        "first": found[first].document,
        "second": found[second].document,
        "path": [one.hex() for one in path],
    }
