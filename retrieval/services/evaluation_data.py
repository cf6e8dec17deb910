"""What an evaluation is made on: a labelled dataset, or what a collection holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import F, Q

from retrieval import media, scope
from retrieval.calibration import PairCalibration, words_in
from retrieval.encoders.base import Vectors
from retrieval.encoders.bundle import BundleError, bundle_folder, load_reference
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.evaluation.calibration_figures import Calibrations
from retrieval.evaluation.cases import Case, Things, caption_cases, label_cases, queries_of
from retrieval.evaluation.compare import Measured
from retrieval.evaluation.datasets import Dataset
from retrieval.evaluation.named import Named, caption_named, label_named
from retrieval.evaluation.questions import Question, questions_grouped
from retrieval.evaluation.served import Progress, Served, dataset_embed, texts_redacted
from retrieval.models import Asset, Calibration, Collection, ModelVersion, Segment
from retrieval.selectors.labelled import labelled_queries, words_digest
from retrieval.states import State
from retrieval.vectors import backend

MOST_QUESTIONS = 1000
MOST_ASSETS = 2000  # a modality
SEED = 7
_T = TypeVar("_T")


@dataclass(frozen=True)
class Data:
    """Every model measured on the same data, in the order asked; what was asked, what was left."""

    measured: tuple[Measured, ...]
    sentences: tuple[str, ...]
    labels: str  # what says which answer is right: captions, labels, questions, titles
    items: int
    refused: int


@dataclass(frozen=True)
class Asked:
    """What a collection is asked: questions, their redacted words, and ids without a word."""

    questions: Sequence[Question]
    words: Sequence[str]
    ids: Sequence[str]


@dataclass(frozen=True)
class _Stored:
    """An asset as evaluation needs it."""

    id: UUID
    modality: str
    media_type: str


def question_id(collection_id: UUID, question: Question, labels: str) -> str:
    """A question by what it leads to: ``title:`` and an asset, or ``words:`` and an HMAC of them.

    The words are found again by it among the collection's labelled queries, and nowhere else.
    """
    if labels == "titles":
        return f"title:{min(question.answers)}"
    return f"words:{words_digest(collection_id, question.text).hex()}"


def connection_rest() -> None:
    """Gives the database connection back before minutes of work that need none."""
    if not connection.in_atomic_block:
        connection.close()


def served(version: ModelVersion) -> Served:
    """The version as the model server serves it."""
    return Served(version.ref, version.manifest)


def calibrations_stored(
    version: ModelVersion, collection_id: UUID | None = None
) -> Calibrations | None:
    """The fitted pairs of an installed version and its bank; None where nothing was fitted.

    With a collection, its own promoted pairs stand in the place of the version's.
    """
    own = Q(collection=None) if collection_id is None else Q(collection_id=collection_id)
    with scope.system():
        rows = list(
            Calibration.objects.filter(
                Q(collection=None) | own, model_version=version, status=Calibration.Status.ACTIVE
            ).order_by(F("collection").asc(nulls_first=True))
        )
    pairs = {
        (row.query_modality, row.target_modality): PairCalibration.from_json(row.parameters)
        for row in rows
    }
    try:
        bank = load_reference(bundle_folder(version.ref, models_dir=settings.PATHS.models))
    except BundleError:
        return None
    return Calibrations(pairs, bank) if pairs else None


def of_dataset(
    dataset: Dataset, versions: Sequence[ModelVersion], *, progress: Progress | None
) -> Data:
    """``dataset`` under every version that has its towers.

    Raises:
        DatasetError: none of its files could be taken.
        RedactionUnavailable, ModelUnavailable, ModelRefused: the servers.
    """
    needed = {"text", dataset.modality}
    fit = [version for version in versions if needed <= set(version.modalities)]
    connection_rest()
    made = dataset_embed(
        dataset, queries_of(dataset), [served(version) for version in fit], progress=progress
    )
    build = caption_cases if dataset.captions else label_cases
    named = (
        caption_named(made.dataset, made.sentences)
        if dataset.captions
        else label_named(made.dataset)
    )
    measured = tuple(
        Measured(
            ref=version.ref,
            cases=build(made.dataset, made.said[version.ref], made.media[version.ref]),
            named=named,
            labelled=bool(dataset.labels),
            calibrations=calibrations_stored(version),
            own={dataset.modality: made.media[version.ref].parts},
        )
        for version in fit
    )
    return Data(
        measured=measured,
        sentences=made.sentences,
        labels="captions" if dataset.captions else "labels",
        items=len(made.dataset.files),
        refused=made.refused,
    )


def of_collection(
    collection_id: UUID,
    questions: Sequence[Question] | None,
    versions: Sequence[ModelVersion],
    *,
    titles: bool = False,
    progress: Progress | None,
) -> Data:
    """What a collection holds under every version: questions for its assets, as the first takes.

    Without ``questions`` its labelled queries are asked. Where it has none, or with ``titles``, the
    assets' titles are, each for the assets that bear it: weak labels, as good as the titles are.
    Vectors that are in a version's table are taken from there; others are made of the redacted
    rendition. At most ``MOST_QUESTIONS`` and ``MOST_ASSETS`` are taken, drawn with a fixed seed.

    Raises:
        NotVisible: there is no such collection.
        Conflict: it changed meanwhile.
        Invalid: no question has an answer among its searchable assets.
    """
    with scope.system():
        if not Collection.objects.filter(id=collection_id).exists():
            raise NotVisible("There is no such collection.")
        rows = Asset.objects.filter(collection_id=collection_id, state=State.SEARCHABLE)
        titled = list(rows.order_by("id").values_list("id", "modality", "media_type", "title"))
    stored = {pk: _Stored(pk, modality, kind) for pk, modality, kind, _ in titled}
    labels = "questions"
    if questions is None and not titles:
        questions, labels = labelled_queries(collection_id), "labelled"
    if titles or (labels == "labelled" and not questions):
        questions = questions_grouped((title.strip(), pk) for pk, _, _, title in titled if title)
        labels = "titles"
    asked = [q for q in questions or () if q.answers & set(stored)]
    if not asked:
        raise Invalid("No question has an answer among the collection's searchable assets.")
    asked = picked(asked, MOST_QUESTIONS)
    gallery = _gallery(list(stored.values()), asked, set(versions[0].modalities))
    words = texts_redacted([question.text for question in asked])
    ids = [question_id(collection_id, question, labels) for question in asked]
    measured = tuple(
        _measured(version, collection_id, Asked(asked, words, ids), gallery, progress)
        for version in versions
    )
    return Data(
        measured=measured,
        sentences=tuple(words),
        labels=labels,
        items=sum(len(part) for part in gallery.values()),
        refused=0,
    )


def picked(items: Sequence[_T], most: int) -> list[_T]:
    """At most so many of ``items``, in their order, drawn with a fixed seed."""
    if len(items) <= most:
        return list(items)
    drawn = np.random.default_rng(SEED).permutation(len(items))[:most]
    return [items[i] for i in sorted(drawn)]


def _gallery(
    stored: Sequence[_Stored], asked: Sequence[Question], towers: set[str]
) -> dict[str, list[_Stored]]:
    """By modality, every asset that answers a question and some that answer none."""
    wanted = {asset for question in asked for asset in question.answers}
    found: dict[str, list[_Stored]] = {}
    for modality in sorted(towers):
        those = [asset for asset in stored if asset.modality == modality]
        right = [asset for asset in those if asset.id in wanted]
        others = [asset for asset in those if asset.id not in wanted]
        if right:
            found[modality] = [*right, *picked(others, max(MOST_ASSETS - len(right), 0))]
    return found


def _measured(
    version: ModelVersion,
    collection_id: UUID,
    asked: Asked,
    gallery: dict[str, list[_Stored]],
    progress: Progress | None,
) -> Measured:
    said = served(version).texts(asked.words)
    cases, named, own = [], [], {}
    gallery = {kind: part for kind, part in gallery.items() if kind in version.modalities}
    total, done = sum(len(part) for part in gallery.values()), 0
    for modality, assets in gallery.items():
        each = []
        for asset in assets:
            each.append(_vectors(version, asset))
            done += 1
            if progress is not None:
                progress(done, total)
        things = Things.of(each)
        right = np.array([[asset.id in q.answers for asset in assets] for q in asked.questions])
        rows = np.flatnonzero(right.any(axis=1))
        case = Case("text", modality, said[rows], things, right[rows], rows)
        words = [asked.words[row] for row in rows]
        cases.append(replace(case, words=tuple(map(words_in, words))))
        named.append(
            Named([asked.ids[row] for row in rows], [str(one.id) for one in assets], words)
        )
        own[modality] = things.parts
    several = any(len(question.answers) > 1 for question in asked.questions)
    calibrations = calibrations_stored(version, collection_id)
    return Measured(version.ref, cases, several, calibrations, own, named)


def _vectors(version: ModelVersion, asset: _Stored) -> Vectors:
    """The asset's vectors under ``version``: stored, or made now of its redacted rendition.

    Raises:
        Conflict: the asset has gone meanwhile.
    """
    with scope.system():
        found = backend().fetch(
            table=version.vector_table.table, asset_id=asset.id, modality=asset.modality
        )
        if len(found):
            return found
        parts = list(
            Segment.objects.filter(asset_id=asset.id, modality=asset.modality)
            .order_by("ordinal")
            .values_list("text", "start_ms", "end_ms")
        )
    if not parts:
        raise Conflict("The collection changed while it was evaluated; begin again.")
    if asset.modality == "text":
        return served(version).texts([text for text, _, _ in parts])
    windows = tuple(
        (start, end) for _, start, end in parts if start is not None and end is not None
    )
    try:
        rendition = media.read_blob(media.Blob.RENDITION, asset.id)
    except media.BlobMissing:
        raise Conflict("The collection changed while it was evaluated; begin again.") from None
    return served(version).rendition(
        rendition,
        modality=asset.modality,
        media_type=asset.media_type,
        windows=windows,
    )
