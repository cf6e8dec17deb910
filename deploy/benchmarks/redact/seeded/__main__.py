"""``python -m deploy.benchmarks.redact.seeded run``: seeded files through an own appliance.

``… write DIR`` only writes the files, with ``manifest.json`` and ``tokens.txt`` beside them. At
full size, 500 files and 2,000 identifiers, a run takes about an hour on two cores.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from deploy.benchmarks.clone import own_appliance
from deploy.benchmarks.redact.seeded.files import MANIFEST, TOKENS, write
from deploy.benchmarks.redact.seeded.run import Outcome, run

ASSETS, CANARIES = 500, 2000


def main(argv: list[str]) -> int:
    """Exit status 0 where nothing leaked and all was searched."""
    parser = argparse.ArgumentParser(prog="python -m deploy.benchmarks.redact.seeded")
    verbs = parser.add_subparsers(dest="verb", required=True)
    writing = verbs.add_parser("write", help="only write the files")
    writing.add_argument("folder", type=Path)
    running = verbs.add_parser("run", help="through an appliance of its own, and search it")
    for verb in (writing, running):
        verb.add_argument("--assets", type=int, default=ASSETS)
        verb.add_argument("--canaries", type=int, default=CANARIES)
        verb.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    size = {"assets": options.assets, "canaries": options.canaries, "seed": options.seed}
    if options.verb == "write":
        write(options.folder, **size)
        print(f"{options.folder}: files/, {MANIFEST}, {TOKENS}")
        return 0
    with own_appliance() as clone:
        outcome = run(clone, clone.folder / "seeded", **size)
    for line in told(outcome, options.canaries):
        print(line)
    return 0 if outcome.good else 1


def told(outcome: Outcome, canaries: int) -> list[str]:
    """The outcome in words."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(outcome.states.items()))
    lines = [f"{sum(outcome.states.values())} assets in {outcome.seconds:.0f} s: {states}."]
    for name, report in (("before the purge", outcome.before), ("after it", outcome.after)):
        lines += _report(name, report, canaries)
    return lines


def _report(name: str, report: dict[str, Any], canaries: int) -> list[str]:
    read = sum(store["bytes"] for store in report["stores"]) / 1e6
    controls = sum(store["controls"] for store in report["stores"])
    lines = [
        f"{name}: {canaries} identifiers, {len(report['stores'])} stores, {controls} controls,"
    ]
    lines.append(f"  {read:.0f} MB in {report['seconds']} s:")
    for store in report["stores"]:
        found = len({hit["line"] for hit in store["hits"]})
        if store["permitted"]:
            lines.append(f"  {found} in {store['name']}, where they may be")
        elif found:
            lines.append(f"  LEAK: {found} in {store['name']}")
            lines += [
                f"    line {hit['line']}: {hit['where']}, {hit['form']}"
                for hit in store["hits"][:20]
            ]
        if not store["looked"]:
            lines.append(
                f"  BLIND: {store['name']}: {store['controls_missed']} {store['failures']}"
            )
    return [*lines, f"  {'clean' if report['clean'] else 'NOT CLEAN'}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
