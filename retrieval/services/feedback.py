"""Thumbs on hits: one word a person and hit, changed or taken back at will, recorded by ids."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts import trail
from accounts.models import User
from audit.models import Influence, SearchRecord
from retrieval import scope
from retrieval.errors import Invalid, NotVisible, TooMany
from retrieval.feedback_models import NOTHING_RIGHT, Feedback, LabelledQuery
from retrieval.models import Segment
from retrieval.selectors.feedback import Judged, judged_of
from retrieval.services.labelled import words_share
from retrieval.services.search.kept import kept_query_of
from retrieval.services.search.shown import segments_shown

# Faster than anybody looks at hits; a script that votes for its maker is stopped by it.
MOST_A_MINUTE = 60
_MINUTE = timedelta(minutes=1)


def feedback_give(
    *, user: User, search_id: UUID, rank: int, relevant: bool | None, share_words: bool = False
) -> Judged | None:
    """What ``user`` says of a hit from now on; None where it is taken back.

    ``rank`` 0 stands for the whole answer, of which can be said only that nothing in it was right.
    ``share_words`` lets the stewards and curators of the hit's collection see the redacted words
    of this search beside the hit; only words can be shared, and only while the query is kept.
    Saying the same again changes nothing and is not recorded again.

    Raises:
        NotVisible: not a search of the user's, or not a hit of it that the user may see now.
        Invalid: the whole answer called right. TooMany: more than ``MOST_A_MINUTE``.
    """
    with scope.user(user.pk):
        record = own_search(user=user, search_id=search_id)
        held = Feedback.objects.select_for_update().filter(
            user=user, search_id=search_id, rank=rank
        )
        vote = held.first()
        if relevant is None:
            _take_back(user, record, rank, vote)
            return None
        if rank == NOTHING_RIGHT:
            if relevant:
                raise Invalid("Say which hit was right.", fields={"rank": ["From 1 on."]})
            fresh = Feedback(relevant=False)
        else:
            fresh = _on_hit(user, record, rank, relevant=relevant)
        return _stored(user, record, fresh, vote, rank=rank, share_words=share_words)


def own_search(*, user: User, search_id: UUID) -> SearchRecord:
    """The record of a search that ``user`` made.

    Raises:
        NotVisible: there is none, or it is somebody else's.
    """
    record = SearchRecord.objects.filter(id=search_id, user_id=user.pk).first()
    if record is None or not user.is_active:
        raise NotVisible("There is no such search.")
    return record


def _on_hit(user: User, record: SearchRecord, rank: int, *, relevant: bool) -> Feedback:
    """A vote, not stored yet, with what the record says of the hit."""
    influence = record.influences.filter(rank=rank).first()
    segment = None if influence is None else _shown(user, influence)
    if influence is None or segment is None:
        raise NotVisible("There is no such hit.")
    return Feedback(
        relevant=relevant,
        collection_id=segment.collection_id,
        asset_id=segment.asset_id,
        segment_id=segment.pk,
        target_modality=segment.asset.modality,
        confidence=influence.confidence,
        verdict=influence.verdict,
        signals=influence.signals,
    )


def _shown(user: User, influence: Influence) -> Segment | None:
    """The hit's segment, if the user may see it at this moment."""
    shown = segments_shown(user=user, segment_ids=[influence.segment_id])
    segment = shown.get(influence.segment_id)
    return segment if segment is not None and segment.asset_id == influence.asset_id else None


def _stored(
    user: User,
    record: SearchRecord,
    fresh: Feedback,
    vote: Feedback | None,
    *,
    rank: int,
    share_words: bool,
) -> Judged:
    if vote is None:
        _not_too_many(user)
    changed = vote is None or vote.relevant != fresh.relevant
    if vote is None:
        # Two clicks at once: the second finds the first's row.
        vote, _ = Feedback.objects.get_or_create(
            user=user,
            search_id=record.id,
            rank=rank,
            defaults={
                "asked": bytes(record.query_hmac),
                "query_modality": record.query_modality,
                **_told(fresh),
            },
        )
    if changed:
        Feedback.objects.filter(pk=vote.pk).update(relevant=fresh.relevant, at=timezone.now())
        vote.refresh_from_db()
    shared = _words_follow(record, vote, wanted=share_words and fresh.relevant)
    if changed or shared is not None:
        _note("search:feedback:give", user, vote)
    return judged_of(vote, words_shared=LabelledQuery.objects.filter(feedback=vote).exists())


def _told(fresh: Feedback) -> dict[str, object]:
    names = (
        *("relevant", "collection_id", "asset_id", "segment_id", "target_modality"),
        *("confidence", "verdict", "signals"),
    )
    return {name: getattr(fresh, name) for name in names}


def _words_follow(record: SearchRecord, vote: Feedback, *, wanted: bool) -> bool | None:
    """Shares the words or takes them back; whether they are shared, None where nothing changed."""
    shared = LabelledQuery.objects.filter(feedback=vote)
    if not wanted:
        return False if shared.delete()[0] else None
    if shared.exists():
        return None
    text = words_of(record)
    return (text is not None and words_share(vote=vote, text=text)) or None


def words_of(record: SearchRecord) -> str | None:
    """The redacted words of a search that was asked in words alone, while they are kept."""
    if record.query_modality != "text":
        return None
    kept = kept_query_of(record)
    return None if kept is None or kept.asset is not None else kept.text or None


def _take_back(user: User, record: SearchRecord, rank: int, vote: Feedback | None) -> None:
    """One's own word may always be taken back, whatever became of the hit."""
    if rank != NOTHING_RIGHT and not record.influences.filter(rank=rank).exists():
        raise NotVisible("There is no such hit.")
    if vote is not None:
        _note("search:feedback:withdraw", user, vote)
        with scope.system():  # words it shared may lie where the user no longer reads
            vote.delete()


def _not_too_many(user: User) -> None:
    lately = Feedback.objects.filter(user=user, at__gt=timezone.now() - _MINUTE).count()
    if lately >= MOST_A_MINUTE:
        raise TooMany(f"At most {MOST_A_MINUTE} hits are judged a minute.")


def _note(event: str, user: User, vote: Feedback) -> None:
    refs: trail.Refs = {"search": str(vote.search_id), "rank": str(vote.rank)}
    if vote.asset_id is not None:
        refs |= {"asset": str(vote.asset_id), "collection": str(vote.collection_id)}
    trail.note(event=event, by=user, refs=refs)
