"""A result as a person reads it: the table of figures and a line for each thing worth knowing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_COLUMNS = (
    ("recall@1", "R@1"),
    ("recall@5", "R@5"),
    ("recall@10", "R@10"),
    ("map@10", "mAP@10"),
    ("mrr", "MRR"),
    ("ndcg@10", "nDCG@10"),
)
_WIDTH = 8
Result = Mapping[str, Any]


def result_in_words(result: Result) -> list[str]:
    """Lines for a terminal; parts that the result has not are left out."""
    return [
        f"{result['model']} on {result['dataset']}",
        *_table(result.get("pairs", {})),
        *_whole(result),
        *_failures(result.get("failures", {})),
        *_prompts(result.get("prompts", {})),
        *_domain(result.get("out_of_domain", {})),
        *_tasks(result.get("tasks", [])),
    ]


def comparison_in_words(result: Result) -> list[str]:
    """The comparison with another model and the findings, a line each."""
    lines = []
    comparison: Result = result.get("comparison", {})
    for name, pair in comparison.get("pairs", {}).items():
        mine, theirs, by = pair["candidate"], pair["present"], pair["difference"]
        lines.append(
            f"{name}: {pair['figure']} {mine['value']:.3f} against {theirs['value']:.3f} of "
            f"{comparison['against']}: {pair['verdict']} ({by['value']:+.3f}, 95 % interval "
            f"{by['low']:+.3f} to {by['high']:+.3f}, {pair['queries']} queries)"
        )
    lines += [
        f"{'Against it' if one['gates'] else 'Note'}: {one['code']} {one['where']}: {one['detail']}"
        for one in result.get("findings", [])
    ]
    return lines or ["Nothing speaks against it."]


def _table(pairs: Result) -> Iterator[str]:
    if not pairs:
        return
    pairs = {name: one for name, one in pairs.items() if "recall@1" in one}
    heads = "".join(f"{head:>{_WIDTH}}" for _, head in _COLUMNS)
    yield f"{'pair':<14}{'queries':>8}{'targets':>8}{heads}  median rank"
    for name, one in pairs.items():
        figures = "".join(f"{one[key]:>{_WIDTH}.3f}" for key, _ in _COLUMNS)
        yield (
            f"{name:<14}{one['queries']:>8}{one['targets']:>8}{figures}  {one['median_rank']:>11g}"
        )


def _whole(result: Result) -> Iterator[str]:
    labels = result.get("zero_shot")
    if labels:
        yield (
            f"labels: {labels['accuracy']:.1%} of {labels['items']} items get theirs of "
            f"{labels['labels']}"
        )
    calibration = result.get("calibration", {})
    if calibration.get("ece") is not None:
        yield f"calibration error {calibration['ece']:.3f} over {calibration['pairs']} first hits"
    for name, one in calibration.get("by_pair", {}).items():
        if one.get("ece") is not None:
            yield f"  {name}: {one['ece']:.3f} over {one['pairs']}"
    yield from _abstention(result.get("abstention", {}))
    latency = result.get("latency_ms", {})
    if latency:
        times = ", ".join(f"{name} {value} ms" for name, value in latency.items())
        memory = f"; {result['memory_mb']} MB" if "memory_mb" in result else ""
        yield f"a query: {times}{memory}"


def _abstention(abstention: Result) -> Iterator[str]:
    if not abstention:
        return
    kept, held = (_percent(abstention.get(k)) for k in ("answerable_kept", "unanswerable_held"))
    yield (
        f"abstention: {kept} of answerable queries keep their answer, {held} of unanswerable ones "
        "are held back"
    )
    if abstention.get("auroc_absent") is not None:
        yield (
            f"  absent topics: AUROC {abstention['auroc_absent']:.3f}, "
            f"{_percent(abstention.get('absent_held'))} held back"
        )
    near = abstention.get("near_misses", {})
    if near.get("queries"):
        yield (
            f"  near misses (the right answer taken out, {near['queries']} queries): "
            f"{_percent(near['held'])} held back"
        )


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _failures(failures: Result) -> Iterator[str]:
    for name, one in failures.items():
        hubness = one["hubness"]
        most = hubness["hubs"][0]["share"] if hubness["hubs"] else 0.0
        yield (
            f"{name}: hubness {hubness['skew']:.2f}, {hubness['never_found']:.1%} never among the "
            f"first {hubness['k']}, the largest hub among those of {most:.1%} of queries"
        )
        for key, said in (
            ("by_length", "words"),
            ("long_tail", "how many bear the label" if "by_label" in one else "rarest word"),
            ("by_language", "language"),
        ):
            parts = "; ".join(
                f"{part['part']}: {part['value']:.3f} ({part['queries']})"
                for part in one.get(key, [])
            )
            if parts:
                yield f"  {one[key][0]['figure']} by {said}: {parts}"
        worst = "; ".join(f"{p['part']}: {p['value']:.3f}" for p in one.get("by_label", [])[:5])
        if worst:
            yield f"  worst labels, {one['by_label'][0]['figure']}: {worst}"
        taken = "; ".join(
            f"{c['asked']} for {c['found']} ({c['share']:.0%})"
            for c in one.get("confusions", [])[:5]
        )
        if taken:
            yield f"  mistaken: {taken}"


def _prompts(prompts: Result) -> Iterator[str]:
    for name, rules in prompts.items():
        for rule, one in rules.items():
            yield f"{name}, {rule}: {prompt_in_words(one)}"


def prompt_in_words(one: Result) -> str:
    """What one rule's figures say, as ``robustness.robustness`` gives them."""
    if "fall" in one:
        fall = one["fall"]
        return (
            f"recall@10 {one['recall@10']:.3f} instead of {one['before']:.3f}, a fall of "
            f"{fall['value']:.3f} ({fall['low']:.3f} to {fall['high']:.3f}; "
            f"{one['prompts']} prompts)"
        )
    if "told_apart" in one:
        told = one["told_apart"]
        stays = one["stays_found"]
        still = "" if stays is None else f"; {stays:.1%} of what was found stays among the first 10"
        return (
            f"told apart {told['value']:.1%} ({told['low']:.1%} to {told['high']:.1%}, chance "
            f"{one['chance']:.0%}; {one['prompts']} prompts){still}"
        )
    if one["both"] is None:
        return f"none of {one['prompts']} pairs is found alone"
    return (
        f"of pairs found alone, {one['both']:.1%} are both found together, {one['one']:.1%} one "
        f"of them, {one['neither']:.1%} none ({one['prompts']} pairs)"
    )


def _domain(domain: Result) -> Iterator[str]:
    for name, one in domain.get("pairs", {}).items():
        fall = one["fall"]
        yield (
            f"away from {domain['home']}, {name}: {one['figure']} {one['away']:.3f} instead of "
            f"{one['home']:.3f}, a fall of {fall['value']:.3f} ({fall['low']:.3f} to "
            f"{fall['high']:.3f}) among {one['things']} things"
        )
    calibration = domain.get("calibration", {})
    if calibration.get("home") is not None and calibration.get("away") is not None:
        yield (
            f"away from {domain['home']}: calibration error {calibration['away']:.3f} instead of "
            f"{calibration['home']:.3f}"
        )


def _tasks(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for one in tasks:
        yield f"task {one['name']}: {one['verdict'].replace('_', ' ')}. {one['detail']}"
