"""The measurements themselves, in a process whose database is the benchmark's own."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import django


def main(argv: list[str]) -> int:
    """Writes the figures as JSON to ``--out``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--queries", type=int, required=True)
    parser.add_argument("--dimension", type=int, action="append", required=True)
    parser.add_argument("--skip", action="append", default=[])
    options = parser.parse_args(argv)
    django.setup()
    from deploy.benchmarks.search import vectors_parts

    found = vectors_parts.measured(
        options.folder,
        rows=options.rows,
        dimensions=options.dimension,
        queries=options.queries,
        skip=set(options.skip),
    )
    options.out.write_text(json.dumps([asdict(one) for one in found]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
