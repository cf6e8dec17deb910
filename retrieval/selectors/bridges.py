"""Reading which bridges join the spaces that a search reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings

from retrieval.bridge_models import Bridge, Gap
from retrieval.calibration import PairCalibration
from retrieval.selectors.models import ActiveModel

LABELLED = "labelled"


@dataclass(frozen=True, kw_only=True)
class BridgedPair:
    """How similarities over a bridge become probabilities, for one pair of modalities.

    ``basis`` is ``labelled`` for a fit on labelled pairs; anything else was guessed from texts.
    """

    query_modality: str
    target_modality: str
    parameters: dict[str, Any]
    basis: str

    @cached_property
    def curve(self) -> PairCalibration:
        """What the parameters say, read once."""
        return PairCalibration.from_json(self.parameters)


@dataclass(frozen=True, kw_only=True)
class ActiveBridge:
    """A bridge of which both ends are in use. ``source`` and ``target`` are refs of models."""

    ref: str
    source: str
    target: str
    path: Path
    sha256: str
    pairs: tuple[BridgedPair, ...]


def bridges_folder() -> Path:
    """Where the files of bridges lie."""
    folder: Path = settings.PATHS.models / "bridges"
    return folder


def bridges_between(models: Iterable[ActiveModel]) -> list[ActiveBridge]:
    """The bridges between exactly these versions, the surer ones first. One query; none for one.

    Surer is one with a fit on labelled pairs, then one that finds more texts again.
    """
    known = list(models)
    if len(known) < 2:  # noqa: PLR2004  (a bridge has two ends)
        return []
    ids = [model.id for model in known]
    rows = Bridge.objects.filter(source_id__in=ids, target_id__in=ids).order_by("pk")
    return bridges_of_rows(rows, known)


def bridges_of_rows(rows: Iterable[Bridge], models: Iterable[ActiveModel]) -> list[ActiveBridge]:
    """Those of ``rows`` that join two of these versions, the surer ones first."""
    refs = {model.id: model.ref for model in models}
    between = [row for row in rows if row.source_id in refs and row.target_id in refs]
    return [
        ActiveBridge(
            ref=f"{refs[row.source_id]}->{refs[row.target_id]}",
            source=refs[row.source_id],
            target=refs[row.target_id],
            path=bridges_folder() / row.file,
            sha256=row.sha256,
            pairs=tuple(
                BridgedPair(
                    query_modality=pair["query_modality"],
                    target_modality=pair["target_modality"],
                    parameters=pair["parameters"],
                    basis=pair["basis"],
                )
                for pair in row.calibrations
            ),
        )
        for row in sorted(between, key=_surest_first)
    ]


def _surest_first(row: Bridge) -> tuple[bool, float]:
    labelled = any(pair["basis"] == LABELLED for pair in row.calibrations)
    return not labelled, -float(row.figures.get("chosen", {}).get("texts_mrr", 0.0))


def bridge_list() -> list[Bridge]:
    """Every bridge with its two versions. One query."""
    return list(Bridge.objects.select_related("source", "target"))


def gap_list() -> list[Gap]:
    """Every measured gap with its version. One query."""
    return list(Gap.objects.select_related("model_version"))
