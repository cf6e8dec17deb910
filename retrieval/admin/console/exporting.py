"""Exports of lists: streamed in batches, each with the visitor's rights as they are then.

No transaction stays open while a slow reader reads. A batch begins behind the last primary key of
the one before, in a scope of the visitor's own, from the same rows that the list would show now: a
grant that ends in between ends the export. The ledger says who began it, of which list and by
which filters (their names only), and how many rows it came to, also where it was broken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone

from audit import ledger
from audit.scope import actor_of, scope_of
from retrieval import access, scope
from retrieval.admin.console.cells import FORMATS, lines

if TYPE_CHECKING:
    from accounts.models import User

BATCH = 2000


@dataclass(frozen=True)
class Batch:
    """Some rows of an export; ``after`` is the key to go on behind, None at the end."""

    rows: list[Sequence[object]]
    after: object | None


Fetch = Callable[["User", object | None], Batch | None]


@dataclass(frozen=True)
class Export:
    """``name``: what is exported, as the ledger names it; ``fetch`` gives None without the right.

    ``fetch`` is called within a console scope of the user it is given.
    """

    name: str
    kind: str
    head: Sequence[str]
    fetch: Fetch
    filters: Iterable[str] = ()


def stream(export: Export, *, user: User) -> StreamingHttpResponse:
    """The export as a download; its beginning is in the ledger with the caller's transaction."""
    about = {"list": export.name, "format": export.kind}
    collections = sorted(scope_of(user).collections, key=str)
    refs = {"collection": collections} if collections else {}
    actor = actor_of(user)
    said = about | {"filters": sorted(export.filters)}
    ledger.record(event="audit:list:export", actor=actor, refs=refs, payload=said)
    response = StreamingHttpResponse(
        _body(export, user.pk, actor, refs, about), content_type=FORMATS[export.kind]
    )
    day = timezone.localtime().strftime("%Y-%m-%d")
    name = f"{export.name.replace('.', '-')}-{day}.{export.kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _body(
    export: Export, user_id: UUID, actor: UUID, refs: dict[str, Any], about: dict[str, Any]
) -> Iterator[bytes]:
    count, complete, after = 0, False, None
    first = True
    try:
        while True:
            batch = _batch(export, user_id, after)
            if batch is None:
                break
            yield lines(export.kind, export.head, batch.rows, first=first)
            first = False
            count += len(batch.rows)
            after = batch.after
            if after is None:
                complete = True
                break
    finally:
        said = about | {"rows": count, "complete": complete}
        ledger.record(event="audit:list:exported", actor=actor, refs=refs, payload=said)


def _batch(export: Export, user_id: UUID, after: object | None) -> Batch | None:
    from accounts.models import User

    user = User.objects.filter(pk=user_id).first()
    if user is None or not access.may_enter_console(user=user):
        return None
    with scope.console(user):
        return export.fetch(user, after)
