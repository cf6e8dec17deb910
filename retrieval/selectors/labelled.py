"""Reading the labelled queries of a collection: for evaluation, and for whoever writes them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import User
from audit.crypto import DecryptionError, decrypt_small, derive_key
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from retrieval import access, scope
from retrieval.access import Access, Permission
from retrieval.errors import NotAllowed
from retrieval.evaluation.questions import Question, questions_grouped
from retrieval.feedback_models import LabelledQuery
from retrieval.states import State

PURPOSE = "labelled-query"
MOST_SHOWN = 1000


@dataclass(frozen=True)
class LabelledView:
    """Words and an asset that answers them; ``origin``: ``searcher`` or ``written``."""

    id: UUID
    text: str
    asset: UUID
    origin: str
    at: datetime


def labelled_queries(collection_id: UUID) -> list[Question]:
    """What is known to be asked of a collection and which of its searchable assets answer it.

    The words come redacted. For evaluation and fitting, which act on nobody's behalf: only figures
    may leave them. Decrypts every row: a key file and a row each.
    """
    with scope.system():
        rows = LabelledQuery.objects.filter(
            collection_id=collection_id,
            asset__collection_id=collection_id,
            asset__state=State.SEARCHABLE,
        ).order_by("at", "id")
        return questions_grouped((text, row.asset_id) for row, text in words_read(rows))


def labelled_list(
    *, user: User, collection_id: UUID, limit: int = MOST_SHOWN
) -> list[LabelledView]:
    """The newest labelled queries, for those who steward or curate the collection.

    Raises:
        NotVisible, NotAllowed: ``user`` does neither.
    """
    may_label(user=user, collection_id=collection_id)
    with scope.user(user.pk):
        rows = LabelledQuery.objects.filter(collection_id=collection_id)[:limit]
        return [
            LabelledView(
                id=row.pk,
                text=text,
                asset=row.asset_id,
                origin="written" if row.feedback_id is None else "searcher",
                at=row.at,
            )
            for row, text in words_read(rows)
        ]


def may_label(*, user: User, collection_id: UUID) -> Access:
    """The user's access, which lets them see and write labelled queries.

    Raises:
        NotVisible: the user holds nothing there.
        NotAllowed: neither steward nor curator.
    """
    held = access.access_to(user=user, collection_id=collection_id)
    if not held.visible:
        access.require(user=user, collection_id=collection_id, permission=Permission.READ)
    if not (held.allows(Permission.GOVERN) or held.allows(Permission.CURATE)):
        raise NotAllowed("This is for stewards and curators of the collection.")
    return held


def words_key(asset_id: UUID) -> bytes:
    """The key of the words that lead to an asset, 32 bytes: gone with the asset's own.

    Raises:
        KeyDestroyed: the asset is erased or rejected.
    """
    return derive_key(
        default_keystore().get_or_create("asset", str(asset_id)), info=b"vitrine labelled query"
    )


def words_digest(collection_id: UUID, text: str) -> bytes:
    """HMAC-SHA-256 of the words under the collection's key, 32 bytes: the same words are found."""
    key = derive_key(
        default_keystore().get_or_create("collection", str(collection_id)),
        info=b"vitrine labelled words",
    )
    return hmac.digest(key, text.encode(), hashlib.sha256)


def words_read(rows: Iterable[LabelledQuery]) -> Iterator[tuple[LabelledQuery, str]]:
    """Rows with their words; those whose key is gone are passed over."""
    for row in rows:
        try:
            words = decrypt_small(
                words_key(row.asset_id), row.words, purpose=PURPOSE, object_id=str(row.pk)
            )
        except (KeyDestroyed, KeyMissing, DecryptionError):
            continue
        yield row, words.decode()


def words_by_digest(*, collection_id: UUID, digests: Iterable[str]) -> dict[str, str]:
    """The words behind ``words_digest(…).hex()``, as far as they are kept. In the caller's scope.

    For readers of the collection: whoever calls it has checked that.
    """
    wanted = [bytes.fromhex(one) for one in digests]
    rows = LabelledQuery.objects.filter(collection_id=collection_id, digest__in=wanted)
    return {bytes(row.digest).hex(): text for row, text in words_read(rows)}
