#!/bin/sh
# Finds a Python the appliance can run on and hands over to deploy/setup. Called by deploy/up,
# deploy/down, deploy/test, deploy/lint, deploy/bench, deploy/lock and deploy/bundle with the command's name first.
set -u
VITRINE_START_DIR=$PWD
export VITRINE_START_DIR
unset PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONSTARTUP VIRTUAL_ENV
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P) || exit 1
cd -- "$root" || exit 1

usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' >/dev/null 2>&1
}

chosen=
if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" && chosen=$PYTHON
else
    # The one that made the environment comes first, so that a second start changes nothing.
    for candidate in .venv/bin/python python3 python3.11 python3.12; do
        if usable "$candidate"; then
            chosen=$candidate
            break
        fi
    done
fi
if [ -z "$chosen" ]; then
    echo "Vitrine needs Python 3.11 or 3.12 and ${PYTHON:-this machine} is not or has not: install one (with its venv module), or name it, as in PYTHON=/path/to/python3.11 deploy/$1." >&2
    exit 1
fi
exec "$chosen" -B -m deploy.setup "$@"
