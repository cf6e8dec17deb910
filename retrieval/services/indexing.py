"""What of an asset can be found: its vectors in every table, and its words."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from retrieval import scope
from retrieval.lexical.store import (
    LexicalRow,
    assets_delete,
    assets_lock_wordless,
    rows_write,
)
from retrieval.lexical.words import lexemes_of
from retrieval.models import Asset, Segment
from retrieval.vectors import backend, tables

BATCH = 200
# Databases in which this process has found nothing left to do: whoever makes an asset searchable
# writes its words.
_complete: set[str] = set()


def assets_unindex(*, asset_ids: Sequence[UUID]) -> None:
    """Out of the very next search: every vector and every word. Inside ``scope.system``."""
    if not asset_ids:
        return
    for table in tables():
        backend().delete(table=table, asset_ids=asset_ids)
    assets_delete(asset_ids=asset_ids)


def vectors_unindex(*, asset_ids: Sequence[UUID]) -> None:
    """Every vector goes; what is found by its words still is. Inside ``scope.system``."""
    if asset_ids:
        for table in tables():
            backend().delete(table=table, asset_ids=asset_ids)


def segments_unindex(*, segment_ids: Sequence[int]) -> None:
    """The vectors of some segments go; ``words_index`` then writes the words that are left."""
    if segment_ids:
        for table in tables():
            backend().delete_segments(table=table, segment_ids=segment_ids)


def words_index(*, asset_id: UUID) -> None:
    """Writes the words of an asset's segments and of its title, in place of those there are.

    The title goes with the first segment of what the asset itself is: a picture's with the picture,
    whatever is written in it. An asset without any word has a row as well, so that it is known to
    have been looked at. Inside ``scope.system`` and the transaction that makes it searchable.
    """
    asset = Asset.objects.only("collection_id", "modality", "title", "language").get(id=asset_id)
    segments = Segment.objects.filter(asset_id=asset_id).order_by("ordinal")
    known = list(segments.values_list("id", "modality", "text"))
    first = next((pk for pk, modality, _ in known if modality == asset.modality), None)
    if first is None and known:
        first = known[0][0]
    title = lexemes_of(asset.title)
    rows = []
    for pk, modality, text in known:
        lexemes = lexemes_of(text)
        if pk == first:
            lexemes |= title
        if pk == first or lexemes.words or lexemes.codes:
            rows.append(LexicalRow(segment_id=pk, modality=modality, lexemes=lexemes))
    assets_delete(asset_ids=[asset_id])
    rows_write(
        asset_id=asset_id, collection_id=asset.collection_id, language=asset.language, rows=rows
    )


def words_backfill(*, batch: int = BATCH, look_again: bool = False) -> int:
    """How many assets got their words: at most ``batch`` of those that can be found and have none.

    What was searchable before words were kept. One that somebody else holds is left to the next
    call. A process that found nothing left looks again only where told to.
    """
    database = str(connection.settings_dict["NAME"])
    if database in _complete and not look_again:
        return 0
    with scope.system():
        waiting = assets_lock_wordless(most=batch)
        for asset_id in waiting:
            words_index(asset_id=asset_id)
    if not waiting:
        _complete.add(database)
    return len(waiting)
