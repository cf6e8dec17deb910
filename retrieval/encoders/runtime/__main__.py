"""``python -m retrieval.encoders.runtime FOLDER --models DIR``: measures, and keeps the record.

A process of its own, so that whoever asks for it imports no torch and can end it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from retrieval.encoders.bundle import verify_bundle
from retrieval.encoders.errors import BundleError
from retrieval.encoders.runtime.choice import record_path, record_write


def main(arguments: list[str] | None = None) -> int:
    """0 when the record is written; 1 and one sentence where the bundle cannot be loaded."""
    options = _parser().parse_args(arguments)
    os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"})
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(options.threads)
    # Compilers write their intermediate files where nobody else reads.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(options.cache or options.models / ".inductor")
    os.umask(0o077)
    from retrieval.encoders.runtime.choose import choose

    try:
        manifest = verify_bundle(options.folder)
        record = choose(
            options.folder,
            beside=options.models,
            seconds=options.seconds,
            samples=options.samples,
            slow=options.slow,
        )
    except BundleError as error:
        sys.stderr.write(f"{error.reason}\n")
        return 1
    record_write(record_path(options.models, manifest.ref), record)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="retrieval.encoders.runtime", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="the bundle")
    parser.add_argument("--models", type=Path, required=True, help="where the record goes")
    parser.add_argument("--seconds", type=float, default=60.0, help="to measure for")
    parser.add_argument("--samples", type=Path, help="folder of media to compare on")
    parser.add_argument("--slow", action="store_true", help="also compile; takes minutes")
    parser.add_argument("--cache", type=Path, help="folder for what compilers leave")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser


if __name__ == "__main__":
    sys.exit(main())
