"""The unprivileged account that Postgres runs under when the appliance is started by root.

Postgres refuses to run as root. Its server process needs no entry in /etc/passwd, so it gets a uid
of its own that nobody else on the machine has; ``initdb`` does look its user up and is therefore
run as ``nobody`` once, before anything is in the cluster, which is then handed to the server's uid.
"""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from pathlib import Path

from deploy.embedded.process import Account

# Between the ids that distributions give to people (1000-59999) and systemd's dynamic ones
# (61184-65519), see systemd's UIDS-GIDS document; 5432 is Postgres's port.
_FIRST_UID = 60432
_UIDS_TRIED = 500


class AccountError(RuntimeError):
    """No account can be had for the database server."""


def server_account(pgdata: Path) -> Account | None:
    """Who runs Postgres: None (ourselves) unless we are root; an existing cluster's owner."""
    if os.geteuid() != 0:
        return None
    if pgdata.exists():
        status = pgdata.stat()
        if status.st_uid != 0:
            return Account(status.st_uid, status.st_gid)
    for number in range(_FIRST_UID, _FIRST_UID + _UIDS_TRIED):
        if not _taken(number):
            return Account(number, number)
    raise AccountError(
        "no free user id for the database server: start deploy/up as an ordinary user"
    )


def _taken(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        pass
    else:
        return True
    try:
        grp.getgrgid(number)
    except KeyError:
        return False
    return True


def named_account(server: Account) -> Account:
    """An unprivileged account that has a name, with the server's group, for ``initdb`` alone.

    Raises:
        AccountError: /etc/passwd has none.
    """
    for name in ("nobody", "daemon", "bin"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, server.gid)
    raise AccountError("this machine has no user `nobody`: start deploy/up as an ordinary user")


def can_enter(folder: Path, account: Account) -> bool:
    """Whether ``account`` can pass through every folder down to ``folder`` and into it."""
    return _succeeds(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], account)


def can_run(program: Path, account: Account) -> bool:
    """Whether ``account`` can execute ``program --version``."""
    return _succeeds([str(program), "--version"], account)


def _succeeds(argv: list[str], account: Account) -> bool:
    try:
        done = subprocess.run(
            argv,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
    except (PermissionError, FileNotFoundError):
        return False
    return done.returncode == 0
