"""What of an asset can be found: its vectors in every table, and its words."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from retrieval.lexical.store import LexicalRow, assets_delete, rows_write
from retrieval.lexical.words import lexemes_of
from retrieval.models import Asset, Segment
from retrieval.vectors import backend, tables


def assets_unindex(*, asset_ids: Sequence[UUID]) -> None:
    """Out of the very next search: every vector and every word. Inside ``scope.system``."""
    if not asset_ids:
        return
    for table in tables():
        backend().delete(table=table, asset_ids=asset_ids)
    assets_delete(asset_ids=asset_ids)


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
