"""``python -m deploy.supervisor up|down …``, which deploy/up and deploy/down call."""

from __future__ import annotations

import sys

from deploy.supervisor.detach import run_detached
from deploy.supervisor.down import down
from deploy.supervisor.errors import StartError
from deploy.supervisor.options import parse_down, parse_up
from deploy.supervisor.up import up


def main(argv: list[str]) -> int:
    """Exit status; a refusal is one sentence on standard error and status 1."""
    try:
        if argv[0] == "down":
            return down(parse_down(argv[1:]))
        options = parse_up(argv[1:])
        if options.detach:
            return run_detached(options)
        return up(options, when_ready=lambda: None)
    except StartError as error:
        print(error, file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
