import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from audit import keystore as module
from audit.keystore import KeyDestroyed, KeyMissing, KeyStore
from audit.masterkey import MasterKeyError, MasterKeySource

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path):
    return KeyStore.initialise(tmp_path / "keys")


def files_of(store):
    return [f for f in store._directory.rglob("*") if f.is_file()]


def test_a_key_is_made_once_and_read_again_by_another_process(store):
    made = store.get_or_create("asset", "a1")
    assert len(made) == 32
    assert store.get_or_create("asset", "a1") == made
    assert KeyStore(store._directory).get("asset", "a1") == made
    assert store.get_or_create("asset", "a2") != made
    assert store.get_or_create("subject", "a1") != made


def test_files_and_folders_are_private_and_hold_no_key_in_the_clear(store):
    key = store.get_or_create("asset", "a1")
    for path in store._directory.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
        if path.is_file():
            content = path.read_bytes()
            assert key not in content
            assert key.hex().encode() not in content


def test_a_missing_key_is_not_a_destroyed_one(store):
    with pytest.raises(KeyMissing):
        store.get("asset", "never")


def test_a_destroyed_key_never_comes_back(store):
    key = store.get_or_create("asset", "a1")
    wrapped = store._path("asset", "a1").read_bytes()
    handle = store._path("asset", "a1").open("rb")  # the disk blocks, past the name
    store.destroy("asset", "a1")
    assert handle.read() != wrapped
    handle.close()
    for ask in (store.get, store.get_or_create, KeyStore(store._directory).get_or_create):
        with pytest.raises(KeyDestroyed):
            ask("asset", "a1")
    assert all(wrapped not in f.read_bytes() and key not in f.read_bytes() for f in files_of(store))
    store.destroy("asset", "a1")


def test_a_key_destroyed_before_it_was_made_cannot_be_made(store):
    store.destroy("asset", "a1")
    with pytest.raises(KeyDestroyed):
        store.get_or_create("asset", "a1")


def test_a_destruction_cut_short_is_finished_by_whoever_looks_next(store):
    store.get_or_create("asset", "a1")
    path = store._path("asset", "a1")
    path.with_name("a1.destroyed").touch()
    with pytest.raises(KeyDestroyed):
        KeyStore(store._directory).get("asset", "a1")
    assert not path.exists()


def test_another_process_holds_a_destroyed_key_no_longer_than_the_stated_time(store, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    other = KeyStore(store._directory)
    other.get_or_create("asset", "a1")
    store.destroy("asset", "a1")
    now[0] += module.CACHE_SECONDS
    assert module.CACHE_SECONDS <= 60
    with pytest.raises(KeyDestroyed):
        other.get("asset", "a1")


def test_the_cache_stays_small(store):
    for n in range(module.CACHE_KEYS + 10):
        store._to_cache("asset", str(n), b"k" * 32)
    assert len(store._cache) == module.CACHE_KEYS


def test_keys_moved_between_ids_or_kinds_do_not_open(store):
    store.get_or_create("asset", "a1")
    store.get_or_create("asset", "a2")
    store.get_or_create("actor", "a2")
    for kind in ("asset", "actor"):
        store._path(kind, "a2").write_bytes(store._path("asset", "a1").read_bytes())
        with pytest.raises(MasterKeyError):
            KeyStore(store._directory).get(kind, "a2")


@pytest.mark.parametrize("key_id", ["", "../x", "a/b", ".hidden", "a\0", "a" * 101, "x.destroyed"])
def test_ids_that_are_no_file_names_are_refused(store, key_id):
    with pytest.raises(ValueError, match="id"):
        store.get_or_create("asset", key_id)


def test_unknown_kinds_are_refused(store):
    with pytest.raises(ValueError, match="kind"):
        store.get_or_create("other", "a1")


def test_living_keys_are_listed_without_the_destroyed(store):
    for key_id in ("b", "a", "c"):
        store.get_or_create("period", key_id)
    store.destroy("period", "b")
    assert store.ids("period") == ["a", "c"]
    assert store.prune_tombstones("period", older_than_seconds=3600) == 0
    assert store.prune_tombstones("period", older_than_seconds=-60) == 1


ASK = """
import sys, time, pathlib
from audit.keystore import KeyStore
store = KeyStore(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(store.get_or_create("asset", "same").hex())
"""


def test_processes_that_ask_at_once_get_the_same_key(store):
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, str(store._directory)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in asking:
        assert process.stdout.readline() == "ready\n"
    for process in asking:
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=60)[0].strip() for process in asking}
    assert keys == {store.get("asset", "same").hex()}
    assert not [f for f in files_of(store) if f.name.startswith(".")]


def test_another_master_key_is_refused_in_plain_words(store, tmp_path):
    other = tmp_path / "other.key"
    other.write_bytes(os.urandom(32))
    with pytest.raises(MasterKeyError, match="not the one that made"):
        KeyStore(store._directory, MasterKeySource(key_file=other))


@pytest.mark.parametrize("form", [bytes, lambda k: k.hex().encode(), base64.b64encode])
def test_a_master_key_file_may_be_raw_hexadecimal_or_base64(tmp_path, form):
    raw = bytes(range(200, 232))
    for name, content in (("a", form(raw)), ("b", raw.hex().encode() + b"\n")):
        (tmp_path / name).write_bytes(content)
    made = KeyStore.initialise(tmp_path / "keys", MasterKeySource(key_file=tmp_path / "a"))
    made.get_or_create("asset", "a1")
    again = KeyStore(tmp_path / "keys", MasterKeySource(key_file=tmp_path / "b"))
    assert again.get("asset", "a1") == made.get("asset", "a1")
    assert not (tmp_path / "keys" / "master.key").exists()


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33, b"g" * 64])
def test_a_malformed_master_key_is_refused(tmp_path, content):
    (tmp_path / "k").write_bytes(content)
    with pytest.raises(MasterKeyError, match="must hold 32 bytes"):
        KeyStore.initialise(tmp_path / "keys", MasterKeySource(key_file=tmp_path / "k"))


def test_a_passphrase_opens_the_store_it_made_and_no_other_does(tmp_path):
    for name, phrase in (
        ("right", "correct horse\n"),
        ("wrong", "battery staple\n"),
        ("none", "\n"),
    ):
        (tmp_path / name).write_text(phrase)
    right, wrong, none = (
        MasterKeySource(passphrase_file=tmp_path / n) for n in ("right", "wrong", "none")
    )
    key = KeyStore.initialise(tmp_path / "keys", right).get_or_create("asset", "a1")
    assert KeyStore(tmp_path / "keys", right).get("asset", "a1") == key
    with pytest.raises(MasterKeyError, match="not the one that made"):
        KeyStore.initialise(tmp_path / "keys", wrong)
    with pytest.raises(MasterKeyError, match="empty"):
        KeyStore(tmp_path / "keys", none)


def test_a_lost_master_key_is_never_replaced_silently(store):
    (store._directory / "master.key").unlink()
    with pytest.raises(MasterKeyError, match="cannot be read"):
        KeyStore.initialise(store._directory)


def test_an_absent_store_and_two_sources_are_errors(tmp_path):
    (tmp_path / "k").write_bytes(os.urandom(32))
    with pytest.raises(MasterKeyError, match="no key store"):
        KeyStore(tmp_path / "nowhere", MasterKeySource(key_file=tmp_path / "k"))
    with pytest.raises(MasterKeyError, match="not both"):
        KeyStore(tmp_path, MasterKeySource(key_file=tmp_path / "k", passphrase_file=tmp_path / "k"))


def test_the_key_store_needs_no_django():
    code = "import sys, audit.keystore; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
