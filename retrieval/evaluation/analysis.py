"""What goes wrong with a model and what confuses it. Pure numpy, but for the encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.evaluation.cases import Case
from retrieval.evaluation.failures import CaseRecord, Language, failures
from retrieval.evaluation.named import Named
from retrieval.evaluation.robustness import Encode, robustness


@dataclass(frozen=True)
class Analysis:
    """``failures`` and ``prompts`` of a result, by pair, and the single records behind them."""

    result: dict[str, Any]
    records: tuple[CaseRecord, ...]


def analysis(
    cases: Sequence[Case],
    named: Sequence[Named],
    *,
    labelled: bool,
    text: Encode | None = None,
    language: Language | None = None,
) -> Analysis:
    """Every case looked at; those asked in words with adversarial prompts too, where ``text`` is.

    ``named`` is in order of ``cases``.
    """
    found: dict[str, Any] = {}
    prompts: dict[str, Any] = {}
    records: list[CaseRecord] = []
    for case, names in zip(cases, named, strict=True):
        if not case.right.size:
            continue
        found[case.name], some = failures(case, names, labelled=labelled, language=language)
        records += some
        if text is not None and names.words:
            prompts[case.name], more = robustness(case, names, text)
            records += more
    result = {"failures": found} | ({"prompts": prompts} if prompts else {})
    return Analysis(result, tuple(records))
