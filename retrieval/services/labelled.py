"""Writing labelled queries of a collection: words, redacted first, and an asset that answers them.

They come from a searcher who let the stewards see the words of a search, or from a steward or
curator who writes them down or brings a file of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from accounts import trail
from accounts.models import User
from audit.crypto import encrypt_small
from audit.keystore import KeyDestroyed
from retrieval import clients, scope
from retrieval.errors import Invalid, NotVisible, Unavailable, Unprocessable
from retrieval.evaluation.datasets import DatasetError
from retrieval.evaluation.questions import Question, questions_read
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.models import Asset, Collection
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.selectors.labelled import (
    PURPOSE,
    may_label,
    words_digest,
    words_key,
    words_read,
)
from retrieval.selectors.profiles import profile_of
from retrieval.services.search.checks import storable
from retrieval.states import State

MOST_CHARACTERS = 1000
MOST_AT_ONCE = 1000  # as many as an evaluation asks
MOST_BYTES = 2_000_000


@dataclass(frozen=True)
class Labelled:
    """How many pairs of words and asset are new, were there, or name no asset of the collection."""

    added: int
    already: int
    left_out: int


def labelled_add(*, by: User, collection_id: UUID, questions: Sequence[Question]) -> Labelled:
    """Writes ``questions`` down, each redacted by the collection's profile before it is stored.

    Call it outside any transaction: the redaction server is asked once a question.

    Raises:
        NotVisible, NotAllowed: ``by`` neither stewards nor curates the collection.
        Invalid: too many, too long, or no text at all.
        Unprocessable: redaction refused one. Unavailable: the redaction server does not answer.
    """
    may_label(user=by, collection_id=collection_id)
    _check(questions)
    with scope.user(by.pk):
        profile = profile_of(Collection.objects.get(id=collection_id))
    try:
        texts = [
            clients.redaction().redact_text(question.text.strip(), profile=profile).text
            for question in questions
        ]
    except RedactionUnavailable:
        raise Unavailable("The redaction server does not answer; nothing was stored.") from None
    except RedactionRefused as error:
        raise Unprocessable(error.reason) from None
    with scope.user(by.pk):
        return _add(by, collection_id, texts, questions)


def labelled_import(*, by: User, collection_id: UUID, file: bytes) -> Labelled:
    """As ``labelled_add``, from a CSV in UTF-8 with the columns ``query`` and ``asset``.

    Raises:
        Invalid: the file is too large or cannot be understood; and what ``labelled_add`` raises.
    """
    may_label(user=by, collection_id=collection_id)
    if len(file) > MOST_BYTES:
        raise _invalid(f"At most {MOST_BYTES // 1_000_000} MB.")
    try:
        questions = questions_read(file.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _invalid("The file is not text in UTF-8.") from None
    except DatasetError as error:
        raise _invalid(f"{str(error).capitalize()}.") from None
    return labelled_add(by=by, collection_id=collection_id, questions=questions)


def labelled_delete(*, by: User, collection_id: UUID, labelled_id: UUID) -> None:
    """Takes one pair out of the collection's labelled queries.

    Raises:
        NotVisible: no such collection for ``by``, or no such pair in it.
        NotAllowed: ``by`` neither stewards nor curates the collection.
    """
    may_label(user=by, collection_id=collection_id)
    with scope.user(by.pk):
        gone, _ = LabelledQuery.objects.filter(collection_id=collection_id, pk=labelled_id).delete()
        if not gone:
            raise NotVisible("There is no such labelled query.")
        trail.note(
            event="evaluation:labelled:delete",
            by=by,
            refs={"collection": str(collection_id), "labelled": str(labelled_id)},
        )


def labelled_redact_anew(*, collection_id: UUID) -> int:
    """How many labelled queries hold fewer words now, by the collection's present profile.

    Outside any transaction, on nobody's behalf; idempotent. What redaction refuses is removed.

    Raises:
        Unavailable: the redaction server does not answer; those not reached are as they were.
    """
    with scope.system():
        collection = Collection.objects.get(id=collection_id)
        profile = profile_of(collection)
        rows = list(words_read(LabelledQuery.objects.filter(collection_id=collection_id)))
    changed = 0
    for row, text in rows:
        fresh: str | None
        try:
            fresh = clients.redaction().redact_text(text, profile=profile).text
        except RedactionUnavailable:
            raise Unavailable("The redaction server does not answer.") from None
        except RedactionRefused:
            fresh = None
        if fresh != text:
            with scope.system():
                _replace(row, fresh)
            changed += 1
    return changed


def _replace(row: LabelledQuery, text: str | None) -> None:
    """``row`` with other words, or without any: gone; also where the same are written down."""
    if text is not None:
        digest = words_digest(row.collection_id, text)
        same = LabelledQuery.objects.filter(
            collection_id=row.collection_id, asset_id=row.asset_id, digest=digest
        )
        if row.feedback_id is not None or not same.filter(feedback=None).exists():
            sealed = encrypt_small(
                words_key(row.asset_id), text.encode(), purpose=PURPOSE, object_id=str(row.pk)
            )
            LabelledQuery.objects.filter(pk=row.pk).update(words=sealed, digest=digest)
            return
    LabelledQuery.objects.filter(pk=row.pk).delete()


def words_share(*, vote: Feedback, text: str) -> bool:
    """Whether the words of a search now stand beside the hit its searcher found right.

    In the caller's scope; the searcher has agreed to it. False where the asset's key is gone.
    """
    if vote.asset_id is None or vote.collection_id is None or len(text) > MOST_CHARACTERS:
        return False
    if LabelledQuery.objects.filter(feedback=vote).exists():
        return True
    try:
        _row(vote.collection_id, vote.asset_id, text, feedback=vote).save(force_insert=True)
    except KeyDestroyed:
        return False
    return True


def _check(questions: Sequence[Question]) -> None:
    pairs = sum(len(question.answers) for question in questions)
    if not pairs:
        raise _invalid("There is nothing to add.")
    if pairs > MOST_AT_ONCE:
        raise _invalid(f"At most {MOST_AT_ONCE} at once.")
    for question in questions:
        if not question.text.strip() or not storable(question.text):
            raise _invalid("A query has no words.")
        if len(question.text) > MOST_CHARACTERS:
            raise _invalid(f"A query has at most {MOST_CHARACTERS} characters.")


def _add(
    by: User, collection_id: UUID, texts: Sequence[str], questions: Sequence[Question]
) -> Labelled:
    wanted = {
        (text, asset): None
        for text, question in zip(texts, questions, strict=True)
        for asset in sorted(question.answers)
    }
    known = set(
        Asset.objects.filter(
            collection_id=collection_id,
            state=State.SEARCHABLE,
            id__in={asset for _, asset in wanted},
        ).values_list("id", flat=True)
    )
    author = trail.actor_id(by)
    rows = [
        _row(collection_id, asset, text, created_by=author)
        for text, asset in wanted
        if asset in known
    ]
    before = LabelledQuery.objects.filter(collection_id=collection_id, feedback=None).count()
    # Two who write the same down at once make one row of it.
    LabelledQuery.objects.bulk_create(rows, ignore_conflicts=True)
    after = LabelledQuery.objects.filter(collection_id=collection_id, feedback=None).count()
    if after > before:
        trail.note(event="evaluation:labelled:add", by=by, refs={"collection": str(collection_id)})
    return Labelled(
        added=after - before,
        already=len(rows) - (after - before),
        left_out=len(wanted) - len(rows),
    )


def _row(
    collection_id: UUID,
    asset_id: UUID,
    text: str,
    *,
    feedback: Feedback | None = None,
    created_by: UUID | None = None,
) -> LabelledQuery:
    row_id = uuid4()
    return LabelledQuery(
        id=row_id,
        collection_id=collection_id,
        asset_id=asset_id,
        words=encrypt_small(
            words_key(asset_id), text.encode(), purpose=PURPOSE, object_id=str(row_id)
        ),
        digest=words_digest(collection_id, text),
        feedback=feedback,
        created_by=created_by,
    )


def _invalid(reason: str) -> Invalid:
    return Invalid("The labelled queries cannot be used.", fields={"file": [reason]})
