"""Which name models this process asks: ours, or the one that the operator installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.redaction.ner import foreign
from retrieval.redaction.ner.model import shared_names

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.redaction.engine import SpanModel

_chosen: dict[str, tuple[SpanModel, ...]] = {}


def use_installed(models: Path, name: str = "") -> None:
    """From now on ask the model in ``models``/ner, if one is there; call it before anything else.

    Raises:
        NamesBundleError: one is installed but cannot be used. Do not go on without it: whoever
            installed it counts on it.
    """
    _chosen["models"] = foreign.span_models(shared_names(), models, name)


def name_models() -> tuple[SpanModel, ...]:
    """The models to ask, in turn.

    Raises:
        NamesBundleError: the files of ours are missing or changed.
    """
    return _chosen.get("models") or (shared_names(),)
