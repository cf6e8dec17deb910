"""Which assets were redacted by another version than their collection's profile is now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from retrieval.grounds import REASONS
from retrieval.models import Asset, Collection
from retrieval.profile_models import Reredaction
from retrieval.redaction.base import Profile
from retrieval.redaction.profile_compare import tightens
from retrieval.selectors.profiles import profile_at, profile_named, profile_of
from retrieval.states import IN_PROGRESS, RawState, State

OUTDATED = "redaction-outdated"  # the reason of what is withheld for it
LISTED_AT_MOST = 1_000
_MOVABLE = (State.SEARCHABLE, State.WITHHELD, State.QUARANTINED)


@dataclass(frozen=True)
class Behind:
    """Assets of one older version: whether the present one takes out what that one left in.

    ``exposed``: those that show it to readers and have no original any more.
    """

    profile_version: str
    stricter: bool
    with_original: int
    without_original: int
    exposed: int


@dataclass(frozen=True)
class ReredactionPlan:
    """What redacting a collection anew would do, and how far a run that goes on is.

    ``lost``: the first of the assets that can not be redacted anew, since the original is gone.
    """

    collection_id: UUID
    profile: Profile
    behind: tuple[Behind, ...]
    lost: tuple[UUID, ...]
    returning: int  # withheld because of a stricter profile, and needlessly so by now
    unsettled: int  # being processed, perhaps still by an older version
    running: Reredaction | None

    @property
    def again(self) -> int:
        """How many assets would be redacted anew from their originals."""
        return sum(one.with_original for one in self.behind)

    @property
    def not_any_more(self) -> int:
        """How many cannot be: their originals have been destroyed."""
        return sum(one.without_original for one in self.behind)

    @property
    def exposed(self) -> int:
        """Of those that cannot be, how many show what the present profile would take out."""
        return sum(one.exposed for one in self.behind)

    @property
    def stricter(self) -> bool:
        """Whether anything shows what the present profile takes out."""
        return any(one.stricter for one in self.behind)


def behind_rows(*, collection: Collection, profile: Profile | None = None) -> QuerySet[Asset]:
    """The collection's assets that rest and were redacted by another version than is now due."""
    ref = (profile or profile_of(collection)).ref
    return (
        Asset.objects.filter(collection=collection, state__in=_MOVABLE)
        # What somebody forbids is redacted anew when it may come back, not before.
        .exclude(state=State.WITHHELD, reason__in=REASONS)
        .exclude(profile_version="")
        .exclude(profile_version=ref)
    )


def is_behind(collections: Iterable[Collection]) -> Q:
    """A filter of assets that are behind their collection's profile, over several collections."""
    found = Q(pk__in=[])
    names = {one.redaction_profile for one in collections}
    for name in names:
        found |= Q(collection__redaction_profile=name) & ~Q(
            profile_version__in=("", profile_named(name).ref)
        )
    return found & Q(state__in=_MOVABLE)


def reredaction_plan(*, collection: Collection) -> ReredactionPlan:
    """What would happen. Inside a scope that sees the collection; a handful of queries."""
    profile = profile_of(collection)
    rows = behind_rows(collection=collection, profile=profile)
    kept = Q(raw_state=RawState.KEPT)
    counted = (
        rows.order_by("profile_version")
        .values("profile_version")
        .annotate(
            kept=Count("id", filter=kept),
            gone=Count("id", filter=~kept),
            shown=Count("id", filter=~kept & Q(state=State.SEARCHABLE)),
        )
    )
    lost = rows.exclude(kept).order_by("created_at", "id").values_list("id", flat=True)
    judge = Judge(profile)
    return ReredactionPlan(
        collection_id=collection.pk,
        profile=profile,
        behind=tuple(
            Behind(
                profile_version=row["profile_version"],
                stricter=judge.stricter_than(row["profile_version"]),
                with_original=row["kept"],
                without_original=row["gone"],
                exposed=row["shown"] if judge.stricter_than(row["profile_version"]) else 0,
            )
            for row in counted
        ),
        lost=tuple(lost[:LISTED_AT_MOST]),
        returning=returning_rows(collection=collection, judge=judge).count(),
        unsettled=_unsettled(collection, profile).count(),
        running=running_of(collection_id=collection.pk),
    )


def _unsettled(collection: Collection, profile: Profile) -> QuerySet[Asset]:
    """Assets on their way that were begun before the profile changed, or may have been."""
    on_their_way = Asset.objects.filter(collection=collection, state__in=IN_PROGRESS)
    older = ~Q(profile_version__in=("", profile.ref))
    return on_their_way.filter(older | Q(state=State.REDACTING))


def returning_rows(*, collection: Collection, judge: Judge) -> QuerySet[Asset]:
    """Assets that were withheld as outdated and need neither be so any more nor redacted anew."""
    held = Asset.objects.filter(collection=collection, state=State.WITHHELD, reason=OUTDATED)
    anew = Q(raw_state=RawState.KEPT) & ~Q(profile_version=judge.profile.ref)
    return held.exclude(profile_version__in=judge.laxer_in(collection)).exclude(anew)


def running_of(*, collection_id: UUID) -> Reredaction | None:
    """The collection's run that goes on, if there is one."""
    state = Reredaction.State.RUNNING
    return Reredaction.objects.filter(collection_id=collection_id, state=state).first()


class Judge:
    """Says whether a profile takes out what an older version left in; one that nobody knows did."""

    def __init__(self, profile: Profile) -> None:
        """``profile`` is the one that is due now."""
        self.profile = profile
        self.stricter_than = lru_cache(maxsize=256)(self._stricter_than)

    def laxer_in(self, collection: Collection) -> list[str]:
        """Versions that some of the collection is redacted by and that left in too much."""
        rows = Asset.objects.filter(collection=collection).exclude(profile_version="").order_by()
        refs = rows.values_list("profile_version", flat=True).distinct()
        return [ref for ref in refs if self.stricter_than(ref)]

    def _stricter_than(self, ref: str) -> bool:
        if ref == self.profile.ref:
            return False
        old = profile_at(ref)
        return old is None or tightens(old=old, new=self.profile)
