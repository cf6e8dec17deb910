"""An appliance is backed up, lives on, is lost, and comes back from the older backup."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from deploy.embedded.__main__ import running
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths
from deploy.supervisor.state import DataLock

pytestmark = pytest.mark.timeout(600)
WORLD = Path(__file__).with_name("world.py")
TOKENS = [f"canary-{number}-quilombo-{number * 7919}" for number in range(6)]
ERASED, KEPT = TOKENS[:2], TOKENS[2:]


def environment(data, variables=None):
    env = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    return {**env, "VITRINE_DATA": str(data), **(variables or {})}


def world(verb, given, env):
    done = subprocess.run(
        [sys.executable, str(WORLD), verb],
        input=json.dumps(given), env=env, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def restore(*arguments, data):
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "restore", *map(str, arguments)],
        env=environment(data), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder():
    # Not pytest's own folder: that one is closed to the account Postgres has under root.
    made = Path(tempfile.mkdtemp(prefix="vitrine-backup-")).resolve()
    yield made
    for name in ("living", "restored"):
        remove_outside(Paths(made / name))
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def living(folder):
    """The appliance that was; its servers have stopped."""
    paths = Paths(folder / "living")
    given = {"tokens": TOKENS, "backups": str(folder / "b"), "later": str(folder / "later")}
    with running(paths) as variables:
        told = world("live", given, environment(paths.data, variables))
    assert told["living"] == [str(folder / "b"), str(folder / "later")]
    return told


def test_an_older_backup_brings_back_nothing_that_was_erased(folder, living):
    paths = Paths(folder / "restored")
    stones = folder / "living" / "tombstones"
    done = restore(
        folder / "b",
        *("--tombstones", stones / "erased.jsonl", "--tombstones", stones / "journal.jsonl"),
        data=paths.data,
    )
    assert done.returncode == 0, done.stderr
    assert "2 erased again" in done.stdout
    assert not paths.restoring.exists()
    with running(paths) as variables:
        told = world("look", {**living, "tokens": TOKENS}, environment(paths.data, variables))
    for state, segments, key, blobs in told["assets"][:2]:
        assert (state, segments, key, blobs) == ("erased", 0, False, 0)
    states = [state for state, *_ in told["assets"][2:]]
    assert states == ["searchable", "withheld", "searchable", "withheld"]
    assert all(key and blobs for _, _, key, blobs in told["assets"][2:])
    assert told["withdrawn"] == 1
    assert told["holds"] == [living["assets"][2]]
    assert told["found"] == [TOKENS.index(token) for token in KEPT]


def test_without_a_word_an_appliance_is_never_replaced(folder, living):
    before = (folder / "living" / "backups.jsonl").read_bytes()
    done = restore(folder / "b", data=folder / "living")
    assert done.returncode == 1
    assert "holds an appliance already" in done.stderr
    assert (folder / "living" / "backups.jsonl").read_bytes() == before


def test_a_running_appliance_is_not_restored_into(folder, living):
    lock = DataLock(Paths(folder / "living"))
    assert lock.take()
    try:
        done = restore(folder / "b", "--replace", data=folder / "living")
    finally:
        lock.release()
    assert done.returncode == 1
    assert "is running" in done.stderr
