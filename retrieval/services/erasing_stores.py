"""The stores of this room, as ``retrieval.erasure_stores`` wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from django.db import models
from django.db.models import Q
from psycopg import sql

from audit.blind import blind_forget
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from audit.masterkey import MasterKeyError
from audit.models import BlindIndex, Influence
from audit.subject_models import ConsentRecord, DataSubject
from retrieval import media, queue
from retrieval.erasure_stores import FunctionStore, register
from retrieval.evaluation_models import EvaluationCase
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.idempotency_models import IdempotencyKey
from retrieval.lexical import sql as words
from retrieval.lexical.store import assets_delete
from retrieval.media import Blob
from retrieval.models import Asset, ProvenanceStep, ReembedJob, Segment
from retrieval.review_models import RedactionReport, Review
from retrieval.services.erasing_people import GONE, consents_blank, subject_blank
from retrieval.services.erasing_queries import kept_asking, kept_forget
from retrieval.states import State
from retrieval.subject_models import AssetSubject
from retrieval.vectors import backend, tables
from retrieval.vectors.raw import executed

Ids = Sequence[UUID]
ERASED_HIT = "erased"
"""Verdict of a hit in a search's record whose asset was erased: its rank and ids are left."""


def stores_register() -> None:
    """Registers every store of this room. At start-up."""
    for store in (*_found(), *_described(), *_said(), *_recorded(), *_people(), *_outside()):
        register(store)


def _rows(
    name: str, model: type[models.Model], where: Callable[[Ids], Q], *, subjects: bool = False
) -> FunctionStore:
    """Rows of one table that go with the assets (or subjects) that ``where`` names."""

    def wanted(asset_ids: Ids, subject_ids: Ids) -> models.QuerySet[models.Model]:
        ids = subject_ids if subjects else asset_ids
        rows = model._default_manager.all()  # noqa: SLF001 - Django's documented name
        return rows.filter(where(ids)) if ids else rows.none()

    def counts(asset_ids: Ids, subject_ids: Ids) -> int:
        return wanted(asset_ids, subject_ids).count()

    def erases(asset_ids: Ids, subject_ids: Ids) -> None:
        wanted(asset_ids, subject_ids).delete()

    return FunctionStore(name, counts, erases, tables=(model._meta.db_table,))  # noqa: SLF001 - as above


def _of_asset(ids: Ids) -> Q:
    return Q(asset_id__in=ids)


def _found() -> tuple[FunctionStore, ...]:
    """By which assets are found: in every version's table, whichever shard, and by their words."""
    return (
        FunctionStore(
            "vectors",
            lambda assets, _: sum(_in_table(table, assets) for table in tables()),
            lambda assets, _: _unvector(assets),
            tables=("vectors_*",),
        ),
        FunctionStore(
            "words",
            lambda assets, _: _in_table(words.TABLE, assets),
            lambda assets, _: _ignore(assets and assets_delete(asset_ids=assets)),
            tables=(f"{words.TABLE}*",),
        ),
        FunctionStore(
            "blind indexes",
            lambda assets, _: BlindIndex.objects.filter(asset_id__in=assets).count(),
            lambda assets, _: _ignore(blind_forget(asset_ids=assets)),
            tables=("audit_blindindex",),
        ),
    )


def _described() -> tuple[FunctionStore, ...]:
    """Texts and transcripts, titles and metadata, and how they came about."""
    return (
        _rows("texts and transcripts", Segment, _of_asset),
        _rows("provenance", ProvenanceStep, _of_asset),
        _rows("reviews", Review, _of_asset),
        _rows("redaction reports", RedactionReport, _of_asset),
        FunctionStore(
            "titles and metadata",
            lambda assets, _: (
                Asset.objects.filter(id__in=assets).exclude(state=State.ERASED).count()
            ),
            lambda _, __: None,  # ``erasing.assets_erase`` blanks the row, which stays as a mark
            tables=("retrieval_asset",),
        ),
    )


def _said() -> tuple[FunctionStore, ...]:
    """What people said of assets, and what they are measured with."""
    return (
        _rows("labelled queries", LabelledQuery, _of_asset),
        _rows("feedback", Feedback, _of_asset),
        _rows("evaluation cases", EvaluationCase, lambda ids: Q(assets__overlap=list(ids))),
        FunctionStore(
            "re-embedding notes",
            lambda assets, _: len(_problem_jobs(assets)),
            lambda assets, _: _problems_forget(assets),
            tables=("retrieval_reembedjob",),
        ),
    )


def _recorded() -> tuple[FunctionStore, ...]:
    """Traces of searches and of requests."""
    return (
        FunctionStore(
            "search records",
            lambda assets, _: _hits(assets).count(),
            lambda assets, _: _ignore(
                _hits(assets).update(
                    signals=[],
                    redactions=[],
                    versions={},
                    confidence=0.0,
                    consent="",
                    verdict=ERASED_HIT,
                )
            ),
            tables=("audit_influence",),
        ),
        FunctionStore(
            "kept queries",
            lambda assets, _: len(kept_asking(assets)),
            lambda assets, _: kept_forget(assets),
            tables=("audit_searchrecord",),
        ),
        FunctionStore(
            "kept answers",
            lambda assets, subjects: _answers([*assets, *subjects]).count(),
            lambda assets, subjects: _ignore(_answers([*assets, *subjects]).delete()),
            tables=("retrieval_idempotencykey",),
        ),
    )


def _people() -> tuple[FunctionStore, ...]:
    """The subject's own rows; links go with the asset, and again with the subject."""
    return (
        FunctionStore(
            "links between subjects and assets",
            lambda assets, subjects: _links(assets, subjects).count(),
            lambda assets, subjects: _ignore(_links(assets, subjects).delete()),
            tables=("retrieval_assetsubject",),
        ),
        FunctionStore(
            "consents",
            lambda _, subjects: (
                ConsentRecord.objects.filter(subject__in=subjects).exclude(withdrawal=GONE).count()
            ),
            lambda _, subjects: consents_blank(subjects),
            tables=("audit_consentrecord",),
        ),
        FunctionStore(
            "subjects",
            lambda _, subjects: (
                DataSubject.objects.filter(id__in=subjects).exclude(state="erased").count()
            ),
            lambda _, subjects: subject_blank(subjects),
            tables=("audit_datasubject",),
        ),
    )


def _outside() -> tuple[FunctionStore, ...]:
    """Files, keys and what is queued: destroyed after the commit."""

    def files(name: str, kinds: tuple[Blob, ...]) -> FunctionStore:
        return FunctionStore(
            name,
            lambda assets, _: sum(media.has_blob(kind, one) for one in assets for kind in kinds),
            lambda assets, _: _each(partial(media.remove_blobs, kinds), assets),
            phase="outside",
        )

    return (
        # First: from then on even copies of the files say nothing.
        FunctionStore(
            "keys",
            lambda assets, subjects: sum(map(_alive, _keys(assets, subjects))),
            lambda assets, subjects: _destroy(_keys(assets, subjects)),
            phase="outside",
        ),
        files("originals", media.RAW_BLOBS),
        files("renditions", (Blob.RENDITION,)),
        files("thumbnails", (Blob.THUMBNAIL,)),
        files("pictures for review", media.REVIEW_BLOBS),
        FunctionStore(
            "unfinished files",
            lambda assets, _: sum(len(media.unfinished(one)) for one in assets),
            lambda assets, _: _each(media.unfinished_remove, assets),
            phase="outside",
        ),
        FunctionStore(
            "queued work",
            lambda assets, _: queue.waiting(assets),
            lambda assets, _: queue.withdraw(assets),
            phase="outside",
        ),
    )


def _ignore(_: object) -> None:
    """For what is called for its effect."""


def _each(act: Callable[[UUID], object], ids: Ids) -> None:
    for one in ids:
        act(one)


def _unvector(assets: Ids) -> None:
    for table in tables() if assets else ():
        backend().delete(table=table, asset_ids=assets)


def _in_table(table: str, assets: Ids) -> int:
    if not assets:
        return 0
    statement = sql.SQL("SELECT count(*) FROM {} WHERE asset_id = ANY(%b)")
    with executed(statement.format(sql.Identifier(table)), [list(assets)]) as cursor:
        row = cursor.fetchone()
        return int(row[0]) if row else 0


def _hits(assets: Ids) -> models.QuerySet[Influence]:
    return Influence.objects.filter(asset_id__in=assets).exclude(verdict=ERASED_HIT)


def _answers(ids: Ids) -> models.QuerySet[IdempotencyKey]:
    """Kept answers that name any of these; a day's worth is gone through."""
    if not ids:
        return IdempotencyKey.objects.none()
    return IdempotencyKey.objects.extra(
        where=["body::text LIKE ANY (%s)"], params=[[f"%{one}%" for one in ids]]
    )


def _links(assets: Ids, subjects: Ids) -> models.QuerySet[AssetSubject]:
    return AssetSubject.objects.filter(Q(asset_id__in=assets) | Q(subject__in=subjects))


def _problem_jobs(assets: Ids) -> list[ReembedJob]:
    if not assets:
        return []
    wanted = Q()
    for one in assets:
        wanted |= Q(problems__contains=[{"asset": str(one)}])
    return list(ReembedJob.objects.filter(wanted))


def _problems_forget(assets: Ids) -> None:
    names = {str(one) for one in assets}
    for job in _problem_jobs(assets):
        left = [one for one in job.problems if one.get("asset") not in names]
        ReembedJob.objects.filter(pk=job.pk).update(problems=left)


def _keys(assets: Ids, subjects: Ids) -> list[tuple[str, str]]:
    of_assets = [
        ("asset", kind.key_id(one)) for one in assets for kind in (Blob.RAW, Blob.RENDITION)
    ]
    return of_assets + [("subject", str(one)) for one in subjects]


def _alive(key: tuple[str, str]) -> bool:
    try:
        default_keystore().get(*key)
    except (KeyMissing, KeyDestroyed):
        return False
    except MasterKeyError:  # damaged, but there
        return True
    return True


def _destroy(keys: Sequence[tuple[str, str]]) -> None:
    for kind, key_id in keys:
        default_keystore().destroy(kind, key_id)
