"""One search, from the question to the recorded answer."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import ProgrammingError, connection
from psycopg.errors import UndefinedTable

from accounts.models import User
from audit.searches import record_search
from retrieval import scope
from retrieval.errors import Unavailable, Unprocessable
from retrieval.services.search.basis import basis_of
from retrieval.services.search.checks import Checked, checked
from retrieval.services.search.finding import Found, hits_find
from retrieval.services.search.kept import kept_pack
from retrieval.services.search.query import Query, query_encode
from retrieval.services.search.reach import Reach, reach_of
from retrieval.services.search.types import (
    QueryAnswer,
    SearchAnswer,
    Searched,
    SearchRequest,
    Timing,
    plain,
)

logger = structlog.get_logger("vitrine.search")


def search_run(*, user: User, request: SearchRequest) -> SearchAnswer:
    """The answer, once its record is committed: without a record there are no results.

    Call it outside any transaction: none is open while the query is redacted and embedded.

    Raises:
        Invalid, NotVisible, NotAllowed, Conflict: the request, or what it names.
        Unprocessable: the file cannot be used as a query.
        Unavailable: a server does not answer, or no model is installed.
    """
    started = time.monotonic()
    asked = checked(request)
    reach = reach_of(user=user, asked=asked)
    try:
        return _searched(user, asked, reach, started)
    except (UndefinedTable, Unavailable, Unprocessable) as error:
        # A version that was promoted over and removed while this search ran takes its table and
        # its files along. Then there is another to search with; otherwise the reason stands.
        again = reach_of(user=user, asked=asked)
        if again.models == reach.models:
            if isinstance(error, UndefinedTable):
                raise Unavailable("The models are being changed; search again.") from None
            raise
        logger.info("search_again", models=[model.ref for model in again.models])
        return _searched(user, asked, again, started)


def _searched(user: User, asked: Checked, reach: Reach, started: float) -> SearchAnswer:
    _release_connection()
    query = query_encode(asked=asked, reach=reach, user_id=user.pk)
    encoded = time.monotonic()
    try:
        with scope.user(user.pk):
            found = hits_find(user=user, asked=asked, reach=reach, query=query)
            answer = _recorded(user, asked, reach, query, found, started)
    except ProgrammingError as error:
        if isinstance(error.__cause__, UndefinedTable):
            raise error.__cause__ from None
        raise
    logger.info(
        "search_run",
        search_id=str(answer.search_id),
        hits=len(answer.hits),
        collections=len(reach.collections),
        encode_ms=_ms(encoded - started),
        total_ms=answer.timing_ms.total,
    )
    return answer


def _recorded(
    user: User,
    asked: Checked,
    reach: Reach,
    query: Query,
    found: Found,
    started: float,
) -> SearchAnswer:
    """The answer made of what was found, and its record, in the caller's transaction."""
    hits = found.hits
    answer = SearchAnswer(
        search_id=uuid4(),
        query=QueryAnswer(modality=query.modality, redactions=query.redactions),
        confident=any(hit.verdict == "match" for hit in hits),
        hits=hits,
        searched=Searched(collections=len(reach.collections), modalities=list(reach.modalities)),
        timing_ms=Timing(total=_ms(time.monotonic() - started)),
    )
    record_search(
        search_id=answer.search_id,
        user_id=user.pk,
        user_label=user.get_username(),
        query_modality=query.modality,
        query=query.canonical,
        query_redactions=query.redactions,
        collections=reach.collections,
        modalities=list(reach.modalities),
        models_used=query.models,
        parameters=_parameters(asked),
        confident=answer.confident,
        total_ms=answer.timing_ms.total,
        influences=found.influences,
        keep_query_for=reach.rules.keep_query_for,
        kept=kept_pack(asked=asked, reach=reach, query=query),
        basis=basis_of(reach=reach, query=query),
    )
    return answer


def _parameters(asked: Checked) -> dict[str, Any]:
    """How it was asked, without what was asked."""
    request, filters = asked.request, asked.request.filters
    moments = {
        name: moment.isoformat()
        for name, moment in (
            ("captured_after", filters.captured_after),
            ("captured_before", filters.captured_before),
        )
        if moment is not None
    }
    return plain(
        {
            "top_k": request.top_k,
            "include_uncertain": request.include_uncertain,
            "fusion": request.fusion,
            "weights": {space: float(weight) for space, weight in request.weights.items()},
            "purpose": request.purpose,
            "filters": moments
            | {"source": bool(filters.source), "metadata": bool(filters.metadata)},
        }
    )


def _release_connection() -> None:
    """Give a pooled connection back while models run; one that belongs to the thread just rests."""
    pooled = "pool" in settings.DATABASES["default"]["OPTIONS"]
    if pooled and not connection.in_atomic_block:
        connection.close()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
