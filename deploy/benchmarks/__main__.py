"""``python -m deploy.benchmarks bench NAME …``, which deploy/bench calls."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.benchmarks import appliance, model_memory, query_cache, reembed, server
from deploy.benchmarks.audit import run as audit
from deploy.benchmarks.erasure import run as erasure
from deploy.benchmarks.figures import Figure, machine
from deploy.benchmarks.redact import parts as redact_parts
from deploy.benchmarks.search import parts as search_parts

NAMES = (
    *(
        "appliance",
        "audit",
        "encode",
        "erasure",
        "memory",
        "query-cache",
        "redact",
        "reembed",
        "search",
    ),
    "server",
)


def main(argv: list[str]) -> int:
    """Exit status 0 when every target is met, 1 when one is not or nothing could be measured."""
    parser = _parser()
    options = parser.parse_args(argv[1:])
    known = {"audit": audit.PARTS, "redact": redact_parts.PARTS, "search": search_parts.PARTS}.get(
        options.name, ()
    )
    if not set(options.part) <= set(known):
        parser.error(f"parts of {options.name}: {', '.join(known) or 'none'}")
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    try:
        figures = _figures(options)
    except (subprocess.CalledProcessError, RuntimeError, OSError) as error:
        print(f"The benchmark stopped: {error}", file=sys.stderr)
        return 1
    for figure in figures:
        print(figure.line())
    report = {
        "name": options.name,
        "machine": about,
        "figures": [figure.as_json() for figure in figures],
    }
    if options.json:
        target = Path(os.environ.get("VITRINE_START_DIR", ".")) / options.json
        target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if any(figure.ok is False for figure in figures) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy/bench", description="Measure the appliance.")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument(
        "--cold", action="store_true", help="clone and install first, with an empty pip cache"
    )
    parser.add_argument(
        "--litserve", type=Path, help="folder LitServe is installed in, to compare with (server)"
    )
    parser.add_argument(
        "--slow", action="store_true", help="compiled candidates compete too; minutes (encode)"
    )
    parser.add_argument(
        "--part",
        action="append",
        default=[],
        choices=sorted({*audit.PARTS, *redact_parts.PARTS, *search_parts.PARTS}),
        help="only this part of redact or search; repeat for more",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the samples (redact, search)"
    )
    parser.add_argument("--entries", type=int, default=audit.ENTRIES, help="of the ledger (audit)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="where the vectors' database stays (search)"
    )
    parser.add_argument(
        "--subjects", type=int, default=erasure.SUBJECTS, help="people to erase (erasure)"
    )
    _add_redact(parser.add_argument_group("redact"))
    return parser


def _add_redact(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--packs", type=Path, metavar="DIR", help="annotated texts (see README)")
    group.add_argument("--sounds", type=Path, metavar="DIR", help="recordings without speech")
    group.add_argument(
        "--publish", action="store_true", help="write the misses where the console shows them"
    )


def _redact(options: argparse.Namespace) -> list[Figure]:
    given = redact_parts.Options(
        packs=_from_start(options.packs), sounds=_from_start(options.sounds), quick=options.quick
    )
    part = redact_parts.run(options.part, given)
    if options.publish and not options.quick:
        redact_parts.measured_write(part)
    return part.figures


def _from_start(path: Path | None) -> Path | None:
    """``path`` seen from where the user called the command."""
    return path and Path(os.environ.get("VITRINE_START_DIR", ".")) / path


def _figures(options: argparse.Namespace) -> list[Figure]:
    benchmarks: dict[str, Callable[[], list[Figure]]] = {
        "appliance": lambda: appliance.run(cold=options.cold),
        "audit": lambda: audit.run(options.part, entries=options.entries, quick=options.quick),
        "encode": lambda: _encode(slow=options.slow),
        "erasure": lambda: erasure.run(subjects=options.subjects),
        "memory": model_memory.run,
        "query-cache": query_cache.run,
        "redact": lambda: _redact(options),
        "reembed": reembed.run,
        "search": lambda: search_parts.run(
            options.part,
            search_parts.Options(quick=options.quick, keep=_from_start(options.keep)),
        ),
        "server": lambda: server.run(litserve=options.litserve),
    }
    return benchmarks[options.name]()


def _encode(*, slow: bool) -> list[Figure]:
    from deploy.benchmarks import encode  # torch, which no other benchmark loads

    return encode.run(slow=slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
