"""What adversarial and ambiguous prompts do to a model's hits. Pure numpy, but for the encoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrieval.encoders.base import Vectors
from retrieval.evaluation.cases import Case, Numbers32
from retrieval.evaluation.failures import FIRST, CaseRecord
from retrieval.evaluation.named import Named
from retrieval.evaluation.paired import Numbers, interval
from retrieval.evaluation.prompts import BOTH, SAME, Prompt, Rule, rules_made

Encode = Callable[[Sequence[str]], Vectors]
SHOWN = 6  # records a rule
LEAST = 10  # prompts of a rule, under which its figures say nothing
_HALF = 0.5  # what guessing tells apart


def robustness(
    case: Case, named: Named, encode: Encode, *, least: int = LEAST
) -> tuple[dict[str, Any], list[CaseRecord]]:
    """Figures of every rule on ``case``, which is asked in words, and the prompts that failed most.

    ``typo``: recall@10 of the prompts as they were, of the changed ones, and the fall with its
    interval. Rules that should be told apart: the share of prompts whose right thing is nearer to
    the words as they were (chance .5), and of how many of those that were found it stays among the
    first ten. ``two_topics``: of pairs that are both found alone, how many are found together.
    Rules with fewer prompts than ``least`` are left out.
    """
    figures: dict[str, Any] = {}
    records: list[CaseRecord] = []
    for rule in rules_made(named.words):
        if len(rule.prompts) < least:
            continue
        texts = [prompt.text for prompt in rule.prompts]
        changed = _similar(case, encode(texts))
        rows = [prompt.row for prompt in rule.prompts]
        before = _similar(case, case.queries[rows])
        if rule.expects == BOTH:
            seconds = [prompt.second for prompt in rule.prompts if prompt.second is not None]
            figures[rule.name], lost = _both(case, rule, before, changed, seconds)
        elif rule.expects == SAME:
            figures[rule.name], lost = _same(case, rule, before, changed)
        else:
            figures[rule.name], lost = _told_apart(case, rule, before, changed)
        records += [_record(case, named, rule, rule.prompts[i], changed[i]) for i in lost[:SHOWN]]
    return figures, records


def _similar(case: Case, queries: Vectors) -> Numbers32:
    """Cosine of each query to the best part of each thing (n, m)."""
    return case.targets.nearest(queries)


def _ranks(similarities: Numbers32, right: Any) -> Numbers:
    """Rank of each row's best right answer, from 1."""
    best = np.where(right, similarities, -np.inf).max(axis=1)
    ahead: Numbers = (similarities > best[:, None]).sum(axis=1) + 1.0
    return ahead


def _same(
    case: Case, rule: Rule, before: Numbers32, changed: Numbers32
) -> tuple[dict[str, Any], list[int]]:
    rows = [prompt.row for prompt in rule.prompts]
    old, new = (_ranks(found, case.right[rows]) for found in (before, changed))
    was, now = (old <= FIRST).astype(float), (new <= FIRST).astype(float)
    fall = interval(was - now, case.groups[rows].tolist())
    figures = {
        "prompts": len(rows),
        "recall@10": round(float(now.mean()), 4),
        "before": round(float(was.mean()), 4),
        "fall": fall.to_json(),
    }
    lost = np.flatnonzero((was > 0) & (now == 0))
    return figures, sorted(lost.tolist(), key=lambda i: -new[i])


def _told_apart(
    case: Case, rule: Rule, before: Numbers32, changed: Numbers32
) -> tuple[dict[str, Any], list[int]]:
    rows = [prompt.row for prompt in rule.prompts]
    right = case.right[rows]
    # The nearest right thing of the words as they were, under both wordings.
    thing = np.where(right, before, -np.inf).argmax(axis=1)
    place = np.arange(len(rows))
    ahead = before[place, thing] - changed[place, thing]
    # Rounding must not decide: what is equal to four decimals is a toss.
    told = np.where(np.abs(ahead) < 1e-4, _HALF, (ahead > 0).astype(float))  # noqa: PLR2004
    was = _ranks(before, right) <= FIRST
    stays = (_ranks(changed, right) <= FIRST) & was
    figures = {
        "prompts": len(rows),
        "told_apart": interval(told, case.groups[rows].tolist()).to_json(),
        "chance": _HALF,
        "stays_found": round(float(stays.sum() / was.sum()), 4) if was.any() else None,
    }
    return figures, sorted(np.flatnonzero(told < 1).tolist(), key=lambda i: float(ahead[i]))


def _both(
    case: Case, rule: Rule, first: Numbers32, joined: Numbers32, seconds: Sequence[int]
) -> tuple[dict[str, Any], list[int]]:
    rows = [prompt.row for prompt in rule.prompts]
    second = _similar(case, case.queries[list(seconds)])
    alone = (_ranks(first, case.right[rows]) <= FIRST) & (
        _ranks(second, case.right[list(seconds)]) <= FIRST
    )
    one, two = (_ranks(joined, case.right[some]) <= FIRST for some in (rows, list(seconds)))
    of = int(alone.sum())
    figures = {
        "prompts": len(rows),
        "found_alone": round(float(alone.mean()), 4),
        "both": round(float((one & two & alone).sum() / of), 4) if of else None,
        "one": round(float(((one ^ two) & alone).sum() / of), 4) if of else None,
        "neither": round(float((~one & ~two & alone).sum() / of), 4) if of else None,
    }
    return figures, np.flatnonzero(alone & ~one & ~two).tolist()


def _record(
    case: Case, named: Named, rule: Rule, prompt: Prompt, similarities: Numbers32
) -> CaseRecord:
    first = np.argsort(-similarities, kind="stable")[:5]
    right = case.right[prompt.row] | (
        case.right[prompt.second] if prompt.second is not None else False
    )
    rank = int(_ranks(similarities[None], right[None])[0])
    body: dict[str, Any] = {
        "rule": rule.name,
        "asked": named.asked[prompt.row],
        "row": prompt.row,
        "second": None if prompt.second is None else named.asked[prompt.second],
        "rank": rank,
        "right": [{"id": named.found[i]} for i in np.flatnonzero(right)[:5]],
        "found": [{"id": named.found[i], "right": bool(right[i])} for i in first],
        "words": prompt.text,
    }
    ids = dict.fromkeys([*(one["id"] for one in body["right"]), *(named.found[i] for i in first)])
    return CaseRecord("prompt", case.name, body, tuple(ids))
