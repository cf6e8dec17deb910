"""Where a model fails: worst queries, hubs, confusions, and weak parts of the queries. Pure numpy.

Hubs are things that turn up for many queries they do not answer, which crowds out what does
(Radovanović et al. 2010, "Hubs in space"): the skew of how often each thing is among the first ten
says how bad it is. Above 1 is called strong there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval import metrics
from retrieval.evaluation import slices
from retrieval.evaluation.cases import Case, Flags
from retrieval.evaluation.named import Named
from retrieval.evaluation.paired import primary_figure

FIRST = 10
WORST = 24
HUBS = 10
CONFUSIONS = 12
_SHOWN = 5
Language = Callable[[str], str]


@dataclass(frozen=True)
class Looked:
    """A case with its names, its similarities (n, m) and their order, worked out once."""

    case: Case
    named: Named
    similarities: npt.NDArray[np.float32]
    order: npt.NDArray[np.int64]

    @classmethod
    def at(cls, case: Case, named: Named) -> Looked:
        """``case`` looked at."""
        found = case.similarities
        return cls(case, named, found, np.argsort(-found, axis=1, kind="stable"))

    @property
    def hits(self) -> Flags:
        """``case.right`` in the order found."""
        return np.take_along_axis(self.case.right, self.order, axis=1)


@dataclass(frozen=True)
class CaseRecord:
    """One thing worth a look: ids and numbers; words only where the run may keep them."""

    kind: str  # worst, hub, confusion, prompt
    pair: str
    body: dict[str, Any]
    ids: tuple[str, ...] = field(default=())  # the things it is about, of ``Named.found``


def failures(
    case: Case, named: Named, *, labelled: bool, language: Language | None = None
) -> tuple[dict[str, Any], list[CaseRecord]]:
    """What of one pair of modalities goes wrong: a summary, and the records behind it."""
    looked = Looked.at(case, named)
    figure = primary_figure(labelled=labelled, targets=case.right.shape[1])
    values = (
        metrics.average_precision_at(looked.hits, FIRST)
        if figure == "map@10"
        else looked.hits[:, : 1 if figure == "recall@1" else FIRST].any(axis=1).astype(float)
    )
    scored = slices.Scored(figure, values, case.groups)
    summary: dict[str, Any] = {"hubness": hubness(looked)}
    confused = confusions(looked)
    if confused:
        summary["confusions"] = confused
    summary |= {name: part for name, part in _slices(scored, looked, language).items() if part}
    records = [
        *worst(looked),
        *_hub_records(looked, summary["hubness"]),
        *_confused(looked, confused),
    ]
    return summary, records


def _slices(
    scored: slices.Scored, looked: Looked, language: Language | None
) -> dict[str, list[dict[str, Any]]]:
    named, found = looked.named, {}
    if named.words and not named.asked_labels:
        found["by_length"] = slices.by_length(scored, named.words)
        found["long_tail"] = slices.long_tail(scored, named.words, looked.case.groups.tolist())
        if language is not None:
            found["by_language"] = slices.by_language(scored, named.words, language)
    if named.asked_labels:
        found["by_label"] = slices.by_label(scored, named.asked_labels)
        # Where a label is itself the thing looked for, how many bear it is asked of the queries.
        bearers = (
            named.asked_labels if looked.named.found == named.found_labels else (named.found_labels)
        )
        found["long_tail"] = slices.rare_labels(scored, named.asked_labels, bearers)
    return found


def hubness(looked: Looked) -> dict[str, Any]:
    """Skew of the counts among the first ten, the share never found, and the hubs by id.

    ``share`` of a hub is that of all queries; of those it turns up for it ``answers`` so many.
    """
    times = metrics.occurrences(looked.similarities, FIRST)
    first = np.zeros(looked.case.right.shape, dtype=bool)
    np.put_along_axis(first, looked.order[:, :FIRST], values=True, axis=1)
    right = (first & looked.case.right).sum(axis=0)
    most = np.argsort(-times, kind="stable")[:HUBS]
    return {
        "k": FIRST,
        "skew": round(metrics.skewness(times), 3),
        "never_found": round(float((times == 0).mean()), 4),
        "hubs": [
            {
                "id": looked.named.found[i],
                "times": int(times[i]),
                "share": round(float(times[i] / len(first)), 4),
                "answers": int(right[i]),
            }
            for i in most
            if times[i] > right[i]
        ],
    }


def confusions(looked: Looked) -> list[dict[str, Any]]:
    """Labels taken for others: of ``queries`` of one label, the ``share`` of hits of another.

    Looked at are as many first hits as a query has right answers, ten at most.
    """
    named = looked.named
    if not named.asked_labels or not named.found_labels:
        return []
    found = np.array(named.found_labels)
    depth = np.clip(looked.case.right.sum(axis=1), 1, FIRST)
    counts: Counter[tuple[str, str]] = Counter()
    looked_at: Counter[str] = Counter()
    for row, label in enumerate(named.asked_labels):
        hits = looked.order[row, : depth[row]]
        looked_at[label] += len(hits)
        wrong = hits[~looked.case.right[row, hits]]
        counts.update((label, str(other)) for other in found[wrong] if other != label)
    most = sorted(counts.items(), key=lambda one: (-one[1] / looked_at[one[0][0]], one[0]))
    return [
        {
            "asked": asked,
            "found": other,
            "hits": count,
            "share": round(count / looked_at[asked], 4),
        }
        for (asked, other), count in most[:CONFUSIONS]
    ]


def worst(looked: Looked) -> list[CaseRecord]:
    """The queries whose first right answer comes last, one a group."""
    ranks = metrics.first_rank(looked.hits)
    records: list[CaseRecord] = []
    seen: set[int] = set()
    for row in np.argsort(-ranks, kind="stable"):
        group = int(looked.case.groups[row])
        if ranks[row] <= 1 or len(records) == WORST:
            break
        if group not in seen:
            seen.add(group)
            records.append(case_record("worst", looked, int(row)))
    return records


def case_record(kind: str, looked: Looked, row: int, **more: Any) -> CaseRecord:
    """A record of one query: who asked, its right answers, and what was found instead."""
    named, right = looked.named, looked.case.right[row]
    first = looked.order[row, :_SHOWN]
    places = np.flatnonzero(looked.hits[row])[:_SHOWN]
    best = looked.order[row, places]
    body = {
        "asked": named.asked[row],
        "row": row,
        "rank": int(places[0]) + 1 if len(places) else None,
        "right": [
            {"id": named.found[i], "rank": int(place) + 1, "similarity": _two(looked, row, i)}
            for place, i in zip(places, best, strict=True)
        ],
        "found": [
            {"id": named.found[i], "right": bool(right[i]), "similarity": _two(looked, row, i)}
            for i in first
        ],
        **({"words": named.words[row]} if named.words else {}),
        **more,
    }
    ids = dict.fromkeys(named.found[i] for i in (*best, *first))
    return CaseRecord(kind, looked.case.name, body, tuple(ids))


def _two(looked: Looked, row: int, column: int) -> float:
    # Exact cosines give vectors away; two decimals are what leaves the system elsewhere too.
    return round(float(looked.similarities[row, column]), 2)


def _hub_records(looked: Looked, found: dict[str, Any]) -> list[CaseRecord]:
    """A record a hub: the queries that found it without being answered by it."""
    place = {name: i for i, name in enumerate(looked.named.found)}
    records = []
    for hub in found["hubs"]:
        column = place[hub["id"]]
        has = (looked.order[:, :FIRST] == column).any(axis=1) & ~looked.case.right[:, column]
        rows = np.flatnonzero(has)[:_SHOWN]
        body = {**hub, "asked_by": [looked.named.asked[row] for row in rows]}
        if looked.named.words:
            body["words_by"] = [looked.named.words[row] for row in rows]
        records.append(CaseRecord("hub", looked.case.name, body, (hub["id"],)))
    return records


def _confused(looked: Looked, found: list[dict[str, Any]]) -> list[CaseRecord]:
    """A record a confusion, with things of the other label that were found."""
    named, records = looked.named, list[CaseRecord]()
    for one in found:
        rows = [i for i, label in enumerate(named.asked_labels) if label == one["asked"]]
        examples = dict.fromkeys(
            named.found[i]
            for row in rows
            for i in looked.order[row, :FIRST]
            if named.found_labels[i] == one["found"] and not looked.case.right[row, i]
        )
        shown = tuple(examples)[:_SHOWN]
        body = {**one, "examples": list(shown)}
        records.append(CaseRecord("confusion", looked.case.name, body, shown))
    return records
