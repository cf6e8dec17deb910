"""Whether an asset may be used for a purpose, by what the people in it have said. Pure.

One person who forbids is enough. A withdrawal counts until something is recorded after it, in the
order in which things were said (``tick``), whatever the clock does; a record that was named when
the very asset was taken in counts for that asset as long as it is not withdrawn itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from retrieval.purposes import EXPLICIT, PurposeRule

MISSING: Final = "consent-missing"
EXPIRED: Final = "consent-expired"
WITHDRAWN: Final = "consent-withdrawn"
RESTRICTED: Final = "restricted"
OBJECTED: Final = "objected"
SPECIAL: Final = "special-category"
# The strongest first: what an asset is said to be withheld for where several hold.
REASONS: Final = (RESTRICTED, OBJECTED, WITHDRAWN, EXPIRED, SPECIAL, MISSING)
DETAIL: Final = {
    MISSING: "The collection requires consent for search, and none is in force for everybody.",
    EXPIRED: "A consent that the collection requires has expired.",
    WITHDRAWN: "Somebody in it has withdrawn the consent.",
    RESTRICTED: "Somebody in it has had the processing restricted (GDPR Art. 18).",
    OBJECTED: "Somebody in it has objected to the processing (GDPR Art. 21).",
    SPECIAL: "Special categories of data need an explicit consent (GDPR Art. 9(2)(a)).",
}
_CONSENT: Final = "consent"


@dataclass(frozen=True)
class Record:
    """A version of a record of consent, as far as it decides.

    ``ends_at``: when it expires or a later version takes its place, whichever comes first;
    ``over``: it was noticed to have expired once, so that no clock brings it back.
    """

    series: UUID
    version: int
    purposes: frozenset[str]
    legal_basis: str
    special_condition: str
    starts_at: datetime
    expires_at: datetime | None
    superseded_at: datetime | None
    over: bool
    given: int
    withdrawn: int | None

    @property
    def ref(self) -> str:
        """``<series>@<version>``."""
        return f"{self.series}@{self.version}"

    @property
    def ends_at(self) -> datetime | None:
        """When it stops counting; None: not by itself."""
        return min((t for t in (self.expires_at, self.superseded_at) if t), default=None)

    def covers(self, moment: datetime) -> bool:
        """Whether it is in force at ``moment``, apart from what was withdrawn."""
        ends_at = self.ends_at
        return not self.over and self.starts_at <= moment and (ends_at is None or moment < ends_at)

    @property
    def explicit(self) -> bool:
        """Whether it is an explicit consent to special categories of data."""
        return self.legal_basis == _CONSENT and self.special_condition == EXPLICIT


@dataclass(frozen=True)
class Person:
    """Somebody in an asset: what was asked for, and every record there is."""

    restricted: bool = False
    objected: bool = False
    gone: bool = False  # erased: nothing of them is to be used
    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """``reason`` is empty where it is permitted: then by which records, and until when."""

    reason: str = ""
    grounds: tuple[str, ...] = ()
    until: datetime | None = None

    @property
    def ground(self) -> str:
        """The records that permit it, as an asset keeps them and a search names them."""
        return ", ".join(self.grounds)


def person_permits(
    person: Person, *, purpose: str, rule: PurposeRule, own: UUID | None, now: datetime
) -> Verdict:
    """What one person says of one asset. ``own``: the series named when it was taken in."""
    if person.gone:
        return Verdict(WITHDRAWN)
    if person.restricted:
        return Verdict(RESTRICTED)
    if person.objected:
        return Verdict(OBJECTED)
    about = [record for record in person.records if purpose in record.purposes]
    withdrawn = max((r.withdrawn for r in about if r.withdrawn is not None), default=None)
    if not rule.required and withdrawn is None:
        return Verdict()
    left = [
        record
        for record in about
        if record.withdrawn is None
        and (withdrawn is None or record.given > withdrawn or record.series == own)
    ]
    counting = [record for record in left if record.explicit] if rule.explicit else left
    standing = [record for record in counting if record.covers(now)]
    if standing:
        names = tuple(sorted({record.ref for record in standing}))
        return Verdict(grounds=names, until=_until(counting, now))
    return Verdict(_why(left, withdrawn=withdrawn is not None, now=now))


def _why(left: Sequence[Record], *, withdrawn: bool, now: datetime) -> str:
    """Why nothing of ``left`` permits it; ``withdrawn``: something was, before."""
    if any(record.covers(now) for record in left):
        return SPECIAL
    ended = (r.over or (r.ends_at is not None and r.ends_at <= now) for r in left)
    if any(ended):
        return EXPIRED
    return WITHDRAWN if withdrawn else MISSING


def _until(records: Iterable[Record], now: datetime) -> datetime | None:
    """Until when one of ``records`` after the other is in force without a gap."""
    moment = now
    standing = [record for record in records if not record.over]
    while True:
        ends = [record.ends_at for record in standing if record.covers(moment)]
        if not ends:
            return moment
        if None in ends:
            return None
        moment = max(end for end in ends if end is not None)


def asset_permits(people: Iterable[Verdict], *, rule: PurposeRule) -> Verdict:
    """What everybody in an asset says together; with nobody in it nobody has permitted anything."""
    said = list(people)
    if not said:
        return Verdict(MISSING) if rule.required else Verdict()
    reasons = {one.reason for one in said if one.reason}
    if reasons:
        return Verdict(min(reasons, key=REASONS.index))
    return Verdict(
        grounds=tuple(sorted({ref for one in said for ref in one.grounds})),
        until=min((one.until for one in said if one.until is not None), default=None),
    )
