"""Words in Postgres: written with an asset's vectors, found by a search, gone with the asset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import sql as q
from psycopg.types.json import Jsonb

from audit.ids import Ids
from retrieval.lexical import sql
from retrieval.lexical.words import Lexemes, Question, Unit
from retrieval.vectors import shard_map
from retrieval.vectors.base import NO_FILTER, AssetFilter
from retrieval.vectors.raw import executed
from retrieval.vectors.shards import shard_of
from retrieval.vectors.writing import writers_share

_ROWS_A_STATEMENT: Final = 500
_MOST_WORDS: Final = 32_767  # smallint
ROWS_AN_ASSET: Final = 20
"""Segments told of one asset, its best."""


@dataclass(frozen=True, kw_only=True)
class LexicalRow:
    """One segment's words; ``modality`` is the segment's."""

    segment_id: int
    modality: str
    lexemes: Lexemes


@dataclass(frozen=True, kw_only=True)
class LexicalMatch:
    """One segment that holds words of the question.

    ``matched``: which of the question's units, by index. ``share``: of what the question tells, how
    much is there, 0 to 1. ``size``: how many different words the segment holds.
    """

    segment_id: int
    asset_id: UUID
    collection_id: UUID
    modality: str
    matched: tuple[int, ...]
    share: float
    size: int


def rows_write(
    *, asset_id: UUID, collection_id: UUID, language: str, rows: Sequence[LexicalRow]
) -> None:
    """Stores or replaces the words of an asset's segments, to be found at once.

    ``language`` (ISO 639-1) says how they are stemmed; where it is not known, as English.
    Inside the caller's transaction.
    """
    dictionary = sql.DICTIONARIES.get(language or "en")
    dictionaries = [dictionary] if dictionary else []
    writers_share()
    own = shard_map.refreshed().write_shard(collection_id, shards=sql.SHARDS)
    shared = shard_of(collection_id, shards=sql.SHARDS)
    # A collection that was large before there were words has no partition of its own for them.
    places = [f"{sql.TABLE}_c{own}", shared, own]
    for first in range(0, len(rows), _ROWS_A_STATEMENT):
        part = [_as_json(row) for row in rows[first : first + _ROWS_A_STATEMENT]]
        values = [*places, asset_id, collection_id, dictionaries, Jsonb(part)]
        with executed(q.SQL(sql.WRITE), values):
            pass


def assets_show(*, asset_ids: Sequence[UUID], searchable: bool) -> int:
    """Shows or hides all words of assets; the number of rows changed."""
    writers_share()
    with executed(q.SQL(sql.SHOW), [searchable, list(asset_ids)]) as cursor:
        return cursor.rowcount


def assets_delete(*, asset_ids: Sequence[UUID]) -> int:
    """Removes all words of assets; the number of rows removed."""
    writers_share()
    with executed(q.SQL(sql.DELETE), [list(asset_ids)]) as cursor:
        return cursor.rowcount


def assets_lock_wordless(*, most: int) -> list[UUID]:
    """At most so many searchable assets without any row here, locked; those that others hold not.

    Inside ``scope.system``.
    """
    with executed(q.SQL(sql.WORDLESS), [most]) as cursor:
        return [asset_id for (asset_id,) in cursor]


def words_search(
    *,
    question: Question,
    collections: Sequence[UUID],
    modalities: Sequence[str],
    assets: int,
    least: float,
    where: AssetFilter = NO_FILTER,
    without_asset: UUID | None = None,
    also: Sequence[UUID] = (),
) -> list[LexicalMatch]:
    """Segments that match, of the ``assets`` best assets of each modality and of those in ``also``.

    Best first: by share, then the shorter text, then the lower id. None below the share ``least``.
    Of one asset at most ``ROWS_AN_ASSET``. One statement. The scope and ``collections`` both have
    to permit a row; rows of other collections change neither the result nor what it costs.
    """
    if not (question.units and collections and modalities):
        return []
    needed = math.ceil(least * sum(map(_weight, question.units)))
    values = [
        Ids.of(collections),
        list(modalities),
        [unit.word for unit in question.units],
        [f"'{unit.code}'" if unit.code else "" for unit in question.units],
        [_weight(unit) << 32 | 1 << number for number, unit in enumerate(question.units)],
        _dictionaries(question),
        _gate(question.units, needed),
        needed,
        assets,
        ROWS_AN_ASSET,
        list(also),
        without_asset,
        where.captured_after,
        where.captured_before,
        where.source or None,
        Jsonb(where.metadata) if where.metadata else None,
    ]
    with executed(q.SQL(sql.SEARCH), values) as cursor:
        found = [
            LexicalMatch(
                segment_id=segment,
                asset_id=asset,
                collection_id=collection,
                modality=modality,
                matched=(units := _matched(question, bits)),
                share=sum(question.units[n].tells for n in units) / question.tells,
                size=size,
            )
            for segment, asset, collection, modality, bits, size in cursor
        ]
    return sorted(found, key=lambda one: (-one.share, one.size, one.segment_id))


def _as_json(row: LexicalRow) -> dict[str, Any]:
    words, codes = row.lexemes.words, row.lexemes.codes
    return {
        "segment_id": row.segment_id,
        "size": min(len(words) + len(codes), _MOST_WORDS),
        "modality": row.modality,
        "words": words,
        "codes": codes,
    }


def _weight(unit: Unit) -> int:
    """What it tells, in 64ths of a nat: whole numbers add up to the same in any order."""
    return round(64 * unit.tells)


def _matched(question: Question, found: int) -> tuple[int, ...]:
    return tuple(number for number in range(len(question.units)) if found >> number & 1)


def _dictionaries(question: Question) -> list[str]:
    if not question.languages:
        return list(sql.DICTIONARIES.values())
    names = ("en", *question.languages)
    return [sql.DICTIONARIES[name] for name in dict.fromkeys(names) if name in sql.DICTIONARIES]


def _gate(units: Sequence[Unit], needed: int) -> list[int]:
    """Numbers, from 1, of the fewest units of which whatever matches enough must hold one.

    Those that tell most; what the others tell together is not enough (prefix filtering: Chaudhuri
    et al., "A Primitive Operator for Similarity Joins in Data Cleaning", ICDE 2006).
    """
    order = sorted(range(len(units)), key=lambda n: (-units[n].tells, n))
    left = sum(map(_weight, units))
    gate: list[int] = []
    for number in order:
        if gate and left < needed:
            break
        gate.append(number + 1)
        left -= _weight(units[number])
    return gate
