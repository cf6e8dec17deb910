"""The ledger's Merkle tree, read from the entries and from hashes of full subtrees kept before."""

from __future__ import annotations

from django.db import connection

from audit.checkpoint_models import LedgerNode
from audit.merkle import (
    BLOCK,
    BLOCK_LEVEL,
    consistency_path,
    fold,
    inclusion_path,
    leaves_of,
    node_hash,
    root_of,
)

_BLOCKS_REMEMBERED = 8


class LedgerTree:
    """Roots and proofs of the ledger as it is in the database, within one transaction.

    A proof reads at most a few blocks of 1,024 entries' hashes and a row a level.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, list[bytes]] = {}
        self._nodes: dict[tuple[int, int], bytes] = {}

    def extend(self, size: int) -> None:
        """Keeps the hashes of all full subtrees of the first ``size`` entries that are not yet.

        Reads the entries that came since this was last called.
        """
        done = LedgerNode.objects.filter(level=BLOCK_LEVEL).count()
        for place in range(done, size // BLOCK):
            self._keep(BLOCK_LEVEL, place, fold(self._leaves(place)))
        LedgerNode.objects.bulk_create(
            [
                LedgerNode(level=level, place=place, hash=digest)
                for (level, place), digest in self._nodes.items()
            ],
            ignore_conflicts=True,
        )

    def root(self, size: int) -> bytes:
        """Tree hash of the first ``size`` entries, 32 bytes."""
        return root_of(self.full, size)

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """Proof that entry ``seq`` is among the first ``size``."""
        return inclusion_path(self.full, seq - 1, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Proof that the first ``first`` entries are the beginning of the first ``second``."""
        return consistency_path(self.full, first, second)

    def full(self, level: int, place: int) -> bytes:
        """Hash of the ``place``-th full subtree of ``2**level`` entries. At most two queries."""
        if level < BLOCK_LEVEL:
            above = BLOCK_LEVEL - level
            leaves = self._leaves(place >> above)
            low = (place & ((1 << above) - 1)) << level
            return fold(leaves[low : low + (1 << level)])
        found = self._nodes.get((level, place)) or self._stored(level, place)
        if found is None:
            found = (
                fold(self._leaves(place))
                if level == BLOCK_LEVEL
                else node_hash(self.full(level - 1, 2 * place), self.full(level - 1, 2 * place + 1))
            )
        self._nodes[level, place] = found
        return found

    def _keep(self, level: int, place: int, digest: bytes) -> None:
        self._nodes[level, place] = digest
        while place % 2:  # with its neighbour to the left the one above is full too
            digest = node_hash(self.full(level, place - 1), digest)
            level, place = level + 1, place // 2
            self._nodes[level, place] = digest

    @staticmethod
    def _stored(level: int, place: int) -> bytes | None:
        kept = LedgerNode.objects.filter(level=level, place=place)
        digest = kept.values_list("hash", flat=True).first()
        return None if digest is None else bytes(digest)

    def _leaves(self, block: int) -> list[bytes]:
        """Leaf hashes of one block; fewer than 1,024 where the ledger ends in it. One query."""
        if block not in self._blocks:
            if len(self._blocks) >= _BLOCKS_REMEMBERED:
                self._blocks.clear()
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT hash FROM audit_ledgerentry WHERE seq > %s AND seq <= %s ORDER BY seq",
                    [block * BLOCK, (block + 1) * BLOCK],
                )
                self._blocks[block] = leaves_of(bytes(row[0]) for row in cursor)
        return self._blocks[block]
