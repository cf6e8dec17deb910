"""The copy of the keys, which lies apart from the data and goes sooner.

The keys are copied as they lie, wrapped by the master key. With them go the settings' secrets and
the first log-ins, encrypted under the backup's own key. A restore takes the newest copy: what was
destroyed since an older backup of the data is not in it, so that its originals and renditions stay
unreadable.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from audit.crypto import DecryptionError, decrypt_small, encrypt_small
from audit.durable import make_private_directory, write_once
from audit.keystore import KeyDestroyed, KeyMissing, KeyStore
from audit.masterkey import MasterKeyError, MasterKeySource
from deploy.backup.copying import files_below
from deploy.backup.errors import BackupError
from deploy.backup.layout import KEYS, SECRETS
from deploy.paths import Paths

PURPOSE = "backup-secrets"
_DESTROYED = ".destroyed"
_CHECK = "check"
MASTER_KEY = "master.key"
# Passwords of the embedded servers: a new place draws its own.
_OF_THE_PLACE = ("db_owner_password", "postgres_superuser_password", "redis_password")


def fingerprint(keys: Path) -> str:
    """What tells one key store from another: SHA-256 of its check value, in hexadecimal.

    Raises:
        BackupError: there is no key store.
    """
    try:
        return hashlib.sha256((keys / _CHECK).read_bytes()).hexdigest()
    except OSError:
        raise BackupError(f"There is no key store in {keys}.") from None


def keys_write(paths: Paths, folder: Path) -> tuple[str, int]:
    """SHA-256 of the archive of wrapped keys that was written to ``folder``, and how many files.

    A key that is destroyed meanwhile is left out. The marks of destroyed keys are among them.
    """
    count = 0
    target = folder / KEYS
    with target.open("xb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        target.chmod(0o600)
        for name in files_below(paths.keys):
            content = _living(paths.keys / name)
            if content is None or PurePosixPath(name).name.startswith("."):
                continue
            _add(archive, name, content)
            count += 1
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return digest, count


def _living(path: Path) -> bytes | None:
    """A key's file; None where it is being destroyed, which begins with its mark."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return None if path.with_name(path.name + _DESTROYED).exists() else content


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def keys_read(archive: Path, target: Path) -> None:
    """Unpacks wrapped keys into the empty folder ``target``.

    Raises:
        BackupError: damaged, or it names files outside.
    """
    try:
        with tarfile.open(archive, mode="r:") as opened:
            for member in opened:
                place = PurePosixPath(member.name)
                if not member.isreg() or place.is_absolute() or ".." in place.parts:
                    raise BackupError(f"The copy of the keys in {archive.parent} is damaged.")
                content = opened.extractfile(member)
                write_once(target / place, content.read() if content else b"")
    except (tarfile.TarError, OSError, EOFError):
        raise BackupError(f"The copy of the keys in {archive.parent} is damaged.") from None


def keystore_open(directory: Path, source: MasterKeySource) -> KeyStore:
    """The key store that was unpacked into ``directory``.

    Raises:
        BackupError: this machine's master key does not open it.
    """
    make_private_directory(directory)
    try:
        return KeyStore(directory, source)
    except MasterKeyError as error:
        raise BackupError(
            f"The copy of the keys does not open here: {error}; name the appliance's own master "
            "key with VITRINE_MASTER_KEY_FILE or VITRINE_MASTER_PASSPHRASE_FILE."
        ) from None


def destroyed(keys: Path) -> list[tuple[str, str]]:
    """Kind and id of every key that is marked as destroyed in a key store."""
    marks = keys.glob(f"*/??/*{_DESTROYED}")
    return [(mark.parent.parent.name, mark.name.removesuffix(_DESTROYED)) for mark in marks]


def backup_key(keys: KeyStore, name: str) -> bytes:
    """A backup's own key.

    Raises:
        BackupError: it is not among the keys: another appliance's backup, or one that was pruned.
    """
    try:
        return keys.get("system", name)
    except (KeyMissing, KeyDestroyed, MasterKeyError):
        raise BackupError(
            f"The key of {name} is not among the keys: it is another appliance's backup, was "
            "pruned, or the copy of the keys is older than it."
        ) from None


def secrets_write(paths: Paths, folder: Path, *, key: bytes, backup_id: str) -> str:
    """SHA-256 of the encrypted archive of secrets and first log-ins."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for place in _secrets(paths):
            _add(archive, place.relative_to(paths.data).as_posix(), place.read_bytes())
    sealed = encrypt_small(key, buffer.getvalue(), purpose=PURPOSE, object_id=backup_id)
    write_once(folder / SECRETS, sealed)
    return hashlib.sha256(sealed).hexdigest()


def _secrets(paths: Paths) -> Iterable[Path]:
    for name in files_below(paths.secrets, left_out=frozenset(_OF_THE_PLACE)):
        yield paths.secrets / name
    for place in (paths.credentials, paths.data / "demo.json"):
        if place.is_file():
            yield place


def secrets_read(folder: Path, *, key: bytes, backup_id: str) -> dict[str, bytes]:
    """What ``secrets_write`` kept: content by path below the data folder.

    Raises:
        BackupError: damaged.
    """
    try:
        plain = decrypt_small(
            key, (folder / SECRETS).read_bytes(), purpose=PURPOSE, object_id=backup_id
        )
    except (DecryptionError, OSError):
        raise BackupError(f"The copy of the keys in {folder} is damaged.") from None
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        return {m.name: f.read() for m in archive if (f := archive.extractfile(m)) is not None}
