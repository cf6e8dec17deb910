"""``python -m deploy.benchmarks bench NAME …``, which deploy/bench calls."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.benchmarks import appliance, model_memory, query_cache, reembed, server
from deploy.benchmarks.figures import Figure, machine

NAMES = ("appliance", "encode", "memory", "query-cache", "reembed", "server")


def main(argv: list[str]) -> int:
    """Exit status 0 when every target is met, 1 when one is not or nothing could be measured."""
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
    options = parser.parse_args(argv[1:])
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


def _figures(options: argparse.Namespace) -> list[Figure]:
    if options.name == "encode":
        from deploy.benchmarks import encode  # torch, which no other benchmark loads

        return encode.run(slow=options.slow)
    if options.name == "server":
        return server.run(litserve=options.litserve)
    if options.name == "query-cache":
        return query_cache.run()
    if options.name == "memory":
        return model_memory.run()
    if options.name == "reembed":
        return reembed.run()
    return appliance.run(cold=options.cold)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
