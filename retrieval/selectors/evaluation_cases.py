"""Reading single failures of a run: ids for who may know of it, words and pictures for readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.models import User
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import NotAllowed
from retrieval.evaluation_models import EvaluationCase
from retrieval.models import Asset, EvaluationRun
from retrieval.selectors.evaluations import evaluation_get
from retrieval.selectors.labelled import words_by_digest
from retrieval.states import State

_WORDS, _TITLE = "words:", "title:"


@dataclass(frozen=True)
class Thing:
    """Something that a case is about: a file or label of a data set, or an asset.

    ``title`` and ``readable`` are those of an asset that the reader may read and that is there.
    """

    id: str
    title: str = ""
    modality: str = ""
    readable: bool = False


@dataclass(frozen=True)
class CaseView:
    """A case as one person may see it; ``words`` is empty where they are not his or not kept."""

    kind: str
    pair: str
    position: int
    body: dict[str, Any]
    asked: Thing
    words: str
    things: dict[str, Thing] = field(default_factory=dict)

    @property
    def right(self) -> list[tuple[Thing, dict[str, Any]]]:
        """What answers it, with what is known of each."""
        return [(self.things[one["id"]], one) for one in self.body.get("right", ())]

    @property
    def found(self) -> list[tuple[Thing, dict[str, Any]]]:
        """What was found, best first."""
        return [(self.things[one["id"]], one) for one in self.body.get("found", ())]

    @property
    def examples(self) -> list[Thing]:
        """Things of a confusion, or the hub itself."""
        names = [*self.body.get("examples", ()), *([self.body["id"]] if "id" in self.body else [])]
        return [self.things[name] for name in names]


def case_views(
    *,
    user: User,
    evaluation_id: UUID,
    kind: str = "",
    pair: str = "",
    limit: int = 500,
) -> list[CaseView]:
    """The cases of a run, by pair, kind and position. A handful of queries.

    Raises:
        NotVisible: no such run for ``user``.
        NotAllowed: a data set's cases, which are for operators and governors.
    """
    run = evaluation_get(user=user, evaluation_id=evaluation_id)
    cases_readable(user=user, run=run)
    with scope.system():
        rows = EvaluationCase.objects.filter(run=run)
        rows = rows.filter(kind=kind) if kind else rows
        found = list((rows.filter(pair=pair) if pair else rows)[:limit])
    if run.collection_id is None:
        return [_of_files(row) for row in found]
    reads = access.access_to(user=user, collection_id=run.collection_id).allows(Permission.READ)
    with scope.user(user.pk):
        return _of_assets(run.collection_id, found) if reads else [_bare(row) for row in found]


def cases_readable(*, user: User, run: EvaluationRun) -> None:
    """Whether the cases of a run that ``user`` may know of are for him.

    Raises:
        NotAllowed: they name files of a data set on the server, and the user does neither job.
    """
    if run.collection_id is None and not (user.is_operator or user.is_governor):
        raise NotAllowed("Files of data sets are for operators and governors.")


def _names(body: dict[str, Any]) -> list[str]:
    listed = [one["id"] for part in ("right", "found") for one in body.get(part, ())]
    return [*listed, *body.get("examples", ()), *([body["id"]] if "id" in body else [])]


def _of_files(row: EvaluationCase) -> CaseView:
    things = {name: Thing(name) for name in _names(row.body)}
    asked = Thing(str(row.body.get("asked", "")))
    return _view(row, asked, str(row.body.get("words", "")), things)


def _bare(row: EvaluationCase) -> CaseView:
    """Ids alone, and of the question nothing but that it is one."""
    things = {name: Thing(name) for name in _names(row.body)}
    return _view(row, Thing(""), "", things)


def _of_assets(collection_id: UUID, rows: Sequence[EvaluationCase]) -> list[CaseView]:
    ids = {one for row in rows for one in row.assets}
    askers = {str(row.body.get("asked", "")) for row in rows}
    ids |= {UUID(one.removeprefix(_TITLE)) for one in askers if one.startswith(_TITLE)}
    readable = {
        str(pk): Thing(str(pk), title, modality, readable=True)
        for pk, title, modality in Asset.objects.filter(
            id__in=ids, collection_id=collection_id, state=State.SEARCHABLE
        ).values_list("id", "title", "modality")
    }
    digests = {one.removeprefix(_WORDS) for one in askers if one.startswith(_WORDS)}
    words = words_by_digest(collection_id=collection_id, digests=digests)
    views = []
    for row in rows:
        asked = str(row.body.get("asked", ""))
        by_title = readable.get(asked.removeprefix(_TITLE))
        said = words.get(asked.removeprefix(_WORDS), by_title.title if by_title else "")
        things = {name: readable.get(name, Thing(name)) for name in _names(row.body)}
        views.append(_view(row, by_title or Thing(asked), said, things))
    return views


def _view(row: EvaluationCase, asked: Thing, words: str, things: dict[str, Thing]) -> CaseView:
    return CaseView(row.kind, row.pair, row.position, row.body, asked, words, things)
