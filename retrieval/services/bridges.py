"""Learning bridges between the spaces of two installed models, and taking them away."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from audit import ledger
from retrieval import clients
from retrieval.alignment.bridge_calibrate import BridgedFit, labelled_fit, texts_fit
from retrieval.alignment.bridge_choose import (
    Labelled,
    TextPairs,
    Tried,
    bridge_fit,
    pair_precision,
    ways_try,
    without_bridge,
)
from retrieval.bridge_fits import TEXT, Banks
from retrieval.bridge_models import Bridge, Gap
from retrieval.bridge_texts import Caption
from retrieval.bridges import CLOSED, METHODS, Method, Vectors
from retrieval.bridges import Bridge as BridgeMap
from retrieval.encoders.bundle import BundleError, load_reference
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Invalid, NotVisible, Unavailable
from retrieval.gap import gap_of
from retrieval.selectors.models import ActiveModel, model_by_ref
from retrieval.services.bridge_files import bridge_read, bridge_write, files_remove

logger = structlog.get_logger("vitrine.bridges")

FEWEST_TEXTS = 100
_TEXTS_A_CALL = 64
Said = Callable[[Tried], None]


@dataclass(frozen=True)
class _End:
    """One end of a bridge: its model, and its reference vectors by modality."""

    model: ActiveModel
    bank: dict[str, Vectors]

    def beside(self, other: _End) -> list[str]:
        """Modalities that it embeds and the other does not."""
        return [m for m in self.model.modalities if m not in other.model.modalities]


def bridge_learn(
    *,
    source: str,
    target: str,
    captions: Sequence[Caption],
    labelled: Sequence[Labelled] = (),
    methods: Sequence[Method] | None = None,
    said: Said = lambda _: None,
    actor: UUID | None = None,
) -> Bridge:
    """The bridge from ``source`` to ``target`` (refs), learnt, measured, chosen and kept.

    Every method is tried with and without centring, and the best on ``labelled`` pairs is kept, in
    the place of an earlier one. Without any, only closed forms are tried (trained maps do better on
    held-out texts and worse on pictures and sounds, as ``bridge prove`` shows), the best on
    held-out banks and texts is kept, its certainty is guessed from texts, and search calls nothing
    that it finds a match. Both models' gaps are measured too. No transaction is open while texts
    are encoded and maps are fitted.

    Raises:
        NotVisible: no such model.
        Invalid: there are too few captions, or an end has no text tower or nothing to gain.
        Unavailable: the model server does not answer.
    """
    ends = _ends(source, target)
    if len(captions) < FEWEST_TEXTS:
        raise Invalid(f"A bridge is learnt from at least {FEWEST_TEXTS} texts.")
    words = [caption.words for caption in captions]
    texts = TextPairs(
        _encoded(source, words), _encoded(target, words), [caption.topic for caption in captions]
    )
    banks = _banks(*ends)
    chosen = methods or (METHODS if labelled else CLOSED)
    tried = ways_try(texts, banks, labelled, methods=chosen, said=said)
    if not tried:
        raise Invalid(
            "No way of learning this bridge could be tried: reference vectors are missing."
        )
    best = tried[0]
    mapped = bridge_fit(texts, banks, method=best.method, centring=best.centred)
    fits = _fits(mapped, best, ends, texts, captions, banks, labelled)
    row = Bridge(
        source_id=ends[0].model.id,
        target_id=ends[1].model.id,
        method=best.method,
        centred=best.centred,
        texts=len(words),
        texts_sha256=hashlib.sha256("\n".join(words).encode()).hexdigest(),
        figures=_figures(tried, labelled),
        calibrations=[fit.to_json() for fit in fits],
    )
    return _kept(row, mapped, ends, texts, actor)


def bridge_remove(*, source: str, target: str, actor: UUID | None = None) -> None:
    """Takes a bridge away, with its file.

    Raises:
        NotVisible: there is no such bridge.
    """
    row = bridge_get(source=source, target=target)
    with transaction.atomic():
        row.delete()
        ledger.record(event="models:bridge:remove", actor=actor, refs={"model": [source, target]})
    files_remove([row.file])


def bridge_get(*, source: str, target: str) -> Bridge:
    """The bridge from one model to another, by their refs.

    Raises:
        NotVisible: there is none.
    """
    ends = [model_by_ref(ref) for ref in (source, target)]
    rows = Bridge.objects.select_related("source", "target")
    found = rows.filter(
        source_id=ends[0].id if ends[0] else None, target_id=ends[1].id if ends[1] else None
    ).first()
    if found is None:
        raise NotVisible("There is no such bridge.")
    return found


def bridge_measure(
    *, row: Bridge, labelled: Sequence[Labelled] = ()
) -> dict[str, dict[str, float]]:
    """Precision at 10 over a bridge by pair of modalities, beside chance and no bridge at all.

    Raises:
        Conflict: the bridge's file is missing, or not the one that was learnt.
    """
    mapped = bridge_read(row)
    return {
        f"{pair.query_modality}-{pair.target_modality}": {
            "precision@10": round(pair_precision(mapped, pair), 4),
            "no_bridge": round(without_bridge(pair), 4),
            "chance": round(pair.chance, 4),
            "ceiling": round(pair.ceiling, 4),
            "queries": len(pair.queries),
        }
        for pair in labelled
    }


def gaps_measure(
    *,
    ref: str,
    texts: Vectors | None = None,
    retrieval: Mapping[str, Mapping[str, float]] | None = None,
) -> list[Gap]:
    """The gap of every modality of a model to its texts, measured on reference vectors and kept.

    ``texts`` (n, d) stand in where the model has no reference vectors of texts. A modality without
    reference vectors has no gap that could be told. ``retrieval`` adds figures by modality.

    Raises:
        NotVisible: no such model.
    """
    end = _end(ref)
    said = end.bank.get(TEXT, texts)
    if said is None or not len(said):
        return []
    found = []
    for modality, bank in end.bank.items():
        if modality != TEXT and modality in end.model.modalities:
            figures: dict[str, Any] = gap_of(bank, said).to_json() | {
                "reference": len(bank),
                "texts": len(said),
            }
            figures |= (retrieval or {}).get(modality, {})
            gap, _ = Gap.objects.update_or_create(
                model_version_id=end.model.id,
                modality=modality,
                defaults={"figures": figures, "measured_at": timezone.now()},
            )
            found.append(gap)
    return found


def _ends(source: str, target: str) -> tuple[_End, _End]:
    if source == target:
        raise Invalid("A bridge joins two models.")
    ends = _end(source), _end(target)
    for end in ends:
        if TEXT not in end.model.modalities:
            raise Invalid(f"{end.model.ref} has no text tower to learn from.")
    if ends[0].model.space == ends[1].model.space:
        raise Invalid("Both models are of one space; only one of them is searched.")
    if not ends[0].beside(ends[1]) or not ends[1].beside(ends[0]):
        raise Invalid("Neither would gain: each end needs a modality that the other lacks.")
    return ends


def _end(ref: str) -> _End:
    model = model_by_ref(ref)
    if model is None:
        raise NotVisible(f"No model {ref} is installed.")
    try:
        return _End(model, load_reference(model.folder))
    except BundleError as error:
        if error.code == "no-reference":
            return _End(model, {})
        raise Invalid(f"The files of {ref} cannot be used: {error.reason}") from None


def _banks(source: _End, target: _End) -> Banks:
    def own(end: _End, other: _End) -> dict[str, Vectors]:
        return {m: end.bank[m] for m in end.beside(other) if m in end.bank}

    return Banks(own(source, target), own(target, source))


def _encoded(ref: str, texts: Sequence[str]) -> Vectors:
    import numpy as np

    parts = []
    try:
        for first in range(0, len(texts), _TEXTS_A_CALL):
            some = list(texts[first : first + _TEXTS_A_CALL])
            parts.append(clients.models().encode_text(ref, some, priority="ingest"))
    except ModelUnavailable:
        raise Unavailable("The model server does not answer; nothing was learnt.") from None
    except ModelRefused as error:
        raise Invalid(f"{ref} cannot be used: {error.reason}") from None
    return np.concatenate(parts)


def _fits(
    mapped: BridgeMap,
    best: Tried,
    ends: tuple[_End, _End],
    texts: TextPairs,
    captions: Sequence[Caption],
    banks: Banks,
    labelled: Sequence[Labelled],
) -> list[BridgedFit]:
    """A calibration of every pair that would be carried; a pair that cannot be fitted has none."""
    source, target = ends
    known = {(pair.query_modality, pair.target_modality): pair for pair in labelled}
    found: list[BridgedFit | None] = []
    for asked in source.beside(target):
        for wanted in target.beside(source):
            pair = known.get((asked, wanted))
            if not mapped.carries(asked) or wanted not in target.bank:
                continue
            fit = labelled_fit(mapped, pair, target.bank[wanted]) if pair is not None else None
            found.append(
                fit
                or texts_fit(
                    texts,
                    [caption.kind for caption in captions],
                    banks,
                    method=best.method,
                    centring=best.centred,
                    pair=(asked, wanted),
                )
            )
    return [fit for fit in found if fit is not None]


def _figures(tried: Sequence[Tried], labelled: Sequence[Labelled]) -> dict[str, Any]:
    return {
        "chosen": tried[0].to_json(),
        "tried": [one.to_json() for one in tried],
        "labelled": {
            f"{pair.query_modality}-{pair.target_modality}": {
                "queries": len(pair.queries),
                "targets": len(pair.gallery),
                "chance": round(pair.chance, 4),
                "no_bridge": round(without_bridge(pair), 4),
                "ceiling": round(pair.ceiling, 4),
            }
            for pair in labelled
        },
    }


def _kept(
    row: Bridge,
    mapped: BridgeMap,
    ends: tuple[_End, _End],
    texts: TextPairs,
    actor: UUID | None,
) -> Bridge:
    """The file first, under a name of its own; then the row that names it, and no other."""
    data = mapped.to_bytes()
    row.sha256 = hashlib.sha256(data).hexdigest()
    row.file = f"{row.id}.safetensors"
    bridge_write(row.file, data)
    refs = {"model": [end.model.ref for end in ends], "sha256": row.sha256}
    with transaction.atomic():
        earlier = Bridge.objects.filter(source_id=row.source_id, target_id=row.target_id)
        files = list(earlier.values_list("file", flat=True))
        earlier.delete()
        row.save(force_insert=True)
        ledger.record(
            event="models:bridge:learn",
            actor=actor,
            refs=refs,
            payload={"method": row.method, "centred": row.centred, "texts": row.texts},
        )
        gaps_measure(ref=ends[0].model.ref, texts=texts.source)
        gaps_measure(ref=ends[1].model.ref, texts=texts.target)
    files_remove(files)
    logger.info("bridge_learnt", bridge=str(row.id), method=row.method, texts=row.texts)
    return row
