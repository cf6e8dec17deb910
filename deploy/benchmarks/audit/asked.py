"""The web application answering searches line by line, each with or without its record.

What is left out for a line with ``"audited": false`` is the one statement that writes the search's
record, its hits and the ledger's event.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import django

from deploy.benchmarks.search.asked import Servers, Spent, answered


def main() -> int:
    """Answers every line of standard input with a line, until it ends."""
    django.setup()
    from django.core.wsgi import get_wsgi_application

    from audit import search_rows, searches
    from retrieval import clients

    logging.getLogger("vitrine").setLevel(logging.WARNING)
    written, audited = search_rows.search_write, [True]

    def write(**what: Any) -> None:
        if audited[0]:
            written(**what)

    searches.search_write = write  # type: ignore[attr-defined] # where search takes it from
    application, servers = get_wsgi_application(), Servers()
    with clients.override(models=servers, redaction=servers):
        for line in sys.stdin:
            told = json.loads(line)
            audited[0] = told["body"].pop("audited")
            body = json.dumps(told["body"]).encode()
            answer = answered(application, told["token"], body, Spent())
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
