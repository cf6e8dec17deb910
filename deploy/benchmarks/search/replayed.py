"""Every recorded search of a database replayed, in a process of the database's own."""

from __future__ import annotations

import json
import sys
import time
from statistics import mean, median

import django


def main() -> int:
    """Says how many records there are, how many came the same, and what one took."""
    django.setup()
    from audit.models import SearchRecord
    from retrieval.services.replay import search_replay

    took, same, sizes = list[float](), 0, list[int]()
    for pk, kept in SearchRecord.objects.values_list("pk", "kept_query"):
        sizes.append(len(kept or b""))
        started = time.perf_counter()
        found = search_replay(search_id=pk)
        took.append(1000 * (time.perf_counter() - started))
        same += found.same
        if not found.same:
            codes = ", ".join(change.code for change in found.changes)
            sys.stderr.write(f"{pk}: {codes}\n")
    told = {
        "records": len(took),
        "same": same,
        "median_ms": median(took),
        "kept_bytes": round(mean(sizes)),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
