"""From an encoded query to its hits: the same way for a search and for its replay."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from audit.searches import InfluenceData
from retrieval import scope
from retrieval.fusion import Fused, fuse
from retrieval.purposes import SEARCH
from retrieval.selectors.grounds import forbidden
from retrieval.services.search.answer import hits_of, influence_of
from retrieval.services.search.candidates import candidates
from retrieval.services.search.checks import Checked
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach
from retrieval.services.search.shown import Shown, segments_shown
from retrieval.services.search.types import Hit

# Assets looked at again for one that is answered: some may have been hidden in this very moment.
_LOOKED_AT = 3


@dataclass(frozen=True)
class Found:
    """The hits, best first, and in the same order what the record keeps of each."""

    hits: list[Hit]
    influences: list[InfluenceData]


def hits_find(*, user: User, asked: Checked, reach: Reach, query: Query) -> Found:
    """What the query finds of what ``user`` may see now. Call inside ``scope.user``."""
    request = asked.request
    fused = fuse(candidates(asked=asked, reach=reach, query=query), method=request.fusion)
    # Before the list is cut: a match of one kind may be less probable than no match of another.
    wanted = [one for one in fused if request.include_uncertain or one.verdict == "match"]
    near = {one.asset_id: one for one in wanted[: _LOOKED_AT * request.top_k]}
    shown = segments_shown(
        user=user,
        segment_ids=[one.best.segment_id for one in near.values()],
        collections=reach.collections,
    )
    near = _for_purpose(near, shown, reach, request.purpose)
    hits = hits_of(fused=list(near.values()), shown=shown, top_k=request.top_k)
    return Found(
        hits=hits,
        influences=[
            influence_of(hit=hit, fused=found, asset=shown[found.best.segment_id].asset)
            for hit in hits
            for found in (near[hit.asset.id],)
        ],
    )


def _for_purpose(
    near: dict[UUID, Fused], shown: Shown, reach: Reach, purpose: str
) -> dict[UUID, Fused]:
    """Those that may be found for ``purpose``. No statement where it is to search.

    What may not be searched is withheld and was not found. That nothing without a ground comes out
    of a collection that needs one is looked at once more all the same.
    """
    if reach.consenting:
        near = {
            pk: one
            for pk, one in near.items()
            if one.best.segment_id in shown
            and (
                (asset := shown[one.best.segment_id].asset).ground
                or asset.collection_id not in reach.consenting.frozen
            )
        }
    if purpose in {"", SEARCH} or not near:
        return near
    with scope.system():
        refused = forbidden(
            [pk for pk, one in near.items() if one.best.segment_id in shown], purpose
        )
    return {pk: one for pk, one in near.items() if pk not in refused}
