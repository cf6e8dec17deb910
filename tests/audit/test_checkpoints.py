"""Checkpoints over committed entries: when, what they say, that they hold, and who is told."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import merkle, signing
from audit.chaining import chain_pending
from audit.checkpoints import (
    LedgerBroken,
    NotCovered,
    checkpoint_due,
    checkpoint_if_due,
    checkpoint_now,
    consistency_of,
    proof_of,
)
from audit.checkpoints.tree import LedgerTree
from audit.models import Checkpoint, CheckpointDelivery, LedgerEntry, LedgerNode, LedgerPending
from audit.rotation import key_rotate, known_keys
from audit.sink_addresses import sink_addresses
from tests.conftest import owner_connection, without_ledger_triggers

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def witness(tmp_path, settings):
    folder = tmp_path / "witness"
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses([f"dir:{folder}"])
    return folder


def tamper(sql):
    with owner_connection() as conn:
        conn.execute("SET ROLE vitrine_ledger")
        with without_ledger_triggers(conn):
            conn.execute(sql)


def verify(capsys, *args):
    capsys.readouterr()
    try:
        call_command("ledger", "verify", *args)
    except SystemExit as ended:
        return ended.code, capsys.readouterr().out
    return 0, capsys.readouterr().out


def naive_root(size):
    tree = merkle.GrowingTree()
    for digest in LedgerEntry.objects.order_by("seq").values_list("hash", flat=True)[:size]:
        tree.add(bytes(digest))
    return tree.root().hex()


def test_a_checkpoint_says_what_is_there_and_is_signed(some_events):
    assert checkpoint_now() is None
    some_events(5)
    made = checkpoint_now()
    document = dict(made.document)
    mark = document.pop("signature")
    assert signing.verify("checkpoint", document, mark)
    assert (made.tree_size, made.root, document["previous"]) == (5, naive_root(5), None)
    assert document["head_hash"] == bytes(LedgerEntry.objects.get(seq=5).hash).hex()
    assert LedgerPending.objects.get().event == "audit:checkpoint:sign"
    again = checkpoint_now()  # of the entry that says so
    assert (again.tree_size, again.document["previous"]["tree_size"]) == (6, 5)


@committed
def test_the_same_ledger_is_not_signed_twice(some_events):
    some_events(3)
    made = checkpoint_now()
    tamper("DELETE FROM audit_ledgerpending")  # the entry about it, as if it were slow
    assert checkpoint_now() == made
    assert Checkpoint.objects.count() == 1


def test_roots_over_blocks_come_from_kept_hashes_and_proofs_hold(some_events, monkeypatch):
    monkeypatch.setattr("audit.checkpoints.tree.BLOCK_LEVEL", 2)
    monkeypatch.setattr("audit.checkpoints.tree.BLOCK", 4)
    sizes = []
    for number in (3, 1, 7, 20, 13):
        some_events(number)
        made = checkpoint_now()
        sizes.append(made.tree_size)
        assert made.root == naive_root(made.tree_size)
    assert LedgerNode.objects.filter(level=2).count() == sizes[-1] // 4
    for seq in range(1, sizes[-1] + 1):
        proof = proof_of(seq)
        assert merkle.inclusion_holds(
            data=bytes.fromhex(proof["entry"]["hash"]),
            index=seq - 1,
            size=proof["checkpoint"]["tree_size"],
            path=[bytes.fromhex(one) for one in proof["inclusion"]["path"]],
            root=bytes.fromhex(proof["checkpoint"]["root"]),
        )
        assert proof["checkpoint"]["tree_size"] == min(size for size in sizes if size >= seq)
    for place, first in enumerate(sizes):
        for second in sizes[place:]:
            proof = consistency_of(first=first, second=second)
            assert merkle.consistency_holds(
                first=first,
                first_root=bytes.fromhex(proof["first"]["root"]),
                second=second,
                second_root=bytes.fromhex(proof["second"]["root"]),
                path=[bytes.fromhex(one) for one in proof["path"]],
            )
    for bad in ({"first": sizes[1], "second": sizes[0]}, {"first": sizes[0], "second": 10**6}):
        with pytest.raises(NotCovered):
            consistency_of(**bad)
    with pytest.raises(NotCovered):
        proof_of(sizes[-1] + 1)


def test_kept_hashes_are_never_believed_against_a_signed_root(some_events, monkeypatch):
    monkeypatch.setattr("audit.checkpoints.tree.BLOCK_LEVEL", 2)
    monkeypatch.setattr("audit.checkpoints.tree.BLOCK", 4)
    some_events(10)
    checkpoint_now()
    LedgerNode.objects.filter(level=2, place=0).update(hash=bytes(32))
    LedgerNode.objects.filter(level__gt=2).delete()
    some_events(3)
    with pytest.raises(LedgerBroken, match="continuation"):
        checkpoint_now()
    LedgerNode.objects.all().delete()  # a cache: it is made again
    assert checkpoint_now().root == naive_root(14)
    assert LedgerTree().root(10).hex() == naive_root(10)


@committed
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE audit_ledgerentry SET event = 'a:b:c' WHERE seq = 12", "entry 12: its fields"),
        ("UPDATE audit_ledgerentry SET event = 'a:b:c' WHERE seq = 10", "entry 10"),
        ("DELETE FROM audit_ledgerentry WHERE seq > 8", "entry 9: missing"),
        ("DELETE FROM audit_ledgerentry", "entry 1: missing"),
    ],
)
def test_nothing_is_signed_that_does_not_hold(some_events, change, said):
    some_events(10)
    checkpoint_now()
    some_events(4)
    chain_pending()
    tamper("DELETE FROM audit_ledgerpending")
    tamper(change)
    with pytest.raises(LedgerBroken, match=said):
        checkpoint_if_due() or checkpoint_now()
    assert Checkpoint.objects.count() == 1


def test_one_is_due_at_first_then_by_number_and_by_time_if_anything_happened(some_events, settings):
    settings.VITRINE_CHECKPOINT_ENTRIES = 10
    later = timezone.now() + timedelta(hours=2)
    assert not checkpoint_due(now=later)
    some_events(1)
    chain_pending()
    assert checkpoint_due()
    checkpoint_now()
    chain_pending()
    assert not checkpoint_due(now=later)  # only the entry about itself
    some_events(5)
    chain_pending()
    assert not checkpoint_due()
    assert checkpoint_due(now=later)
    assert checkpoint_due(now=timezone.now() - timedelta(hours=1))  # the clock was moved back
    some_events(5)
    chain_pending()
    assert checkpoint_due()
    assert checkpoint_if_due() is not None
    assert checkpoint_if_due() is None


def test_the_latest_time_is_carried_on(some_events):
    some_events(2)
    first = checkpoint_now()
    tomorrow = timezone.now() + timedelta(days=1)
    Checkpoint.objects.update(latest_at=tomorrow)  # the clock was a day ahead then
    some_events(1)
    assert checkpoint_now().latest_at == tomorrow
    assert first.latest_at < tomorrow


@committed
def test_keys_rotate_and_what_was_signed_before_still_holds(some_events, keys, capsys, tmp_path):
    some_events(2)
    before = checkpoint_now()
    old_pem = tmp_path / "old.pem"
    old_pem.write_text(signing.public_key_pem())
    old = signing.current_key_id()
    new = key_rotate(by=None)
    assert signing.current_key_id() == new != old
    assert keys.ids("system") == ["signing-ed25519.2"]
    assert set(known_keys()) == {old, new}
    after = checkpoint_now()
    assert (before.key_id, after.key_id) == (old, new)
    assert verify(capsys)[0] == 0
    assert verify(capsys, "--key", str(old_pem))[0] == 0  # from the old key on to the new one
    third = key_rotate(by=None)
    assert set(known_keys()) == {old, new, third}
    assert verify(capsys)[0] == 0


@committed
def test_a_rotation_that_was_cut_off_is_finished_by_the_next(keys, monkeypatch):
    old = signing.current_key_id()
    with monkeypatch.context() as patched:
        patched.setattr("audit.rotation.ledger.record", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            key_rotate(by=None)
    assert signing.current_key_id() == old
    assert set(signing.public_keys()) > {old}
    new = key_rotate(by=None)
    assert signing.current_key_id() == new
    assert set(known_keys()) == {old, new}


def test_a_key_that_vouches_for_itself_is_not_believed(some_events, capsys, tmp_path):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    some_events(2)
    made = checkpoint_now()
    stranger = Ed25519PrivateKey.generate()
    body = {key: value for key, value in made.document.items() if key != "signature"}
    forged = {**body, "signature": signing.signed_with(stranger, "checkpoint", body)}
    file = tmp_path / "forged.json"
    file.write_text(json.dumps(forged))
    code, said = verify(capsys, "--checkpoints", str(file))
    assert (code, said.splitlines()[0]) == (
        1,
        "bad checkpoint of 2 entries: signed with a key that is not known",
    )
    statement = {"old": signing.public_key_pem(), "new": signing.pem_of(stranger.public_key())}
    marks = [signing.signed_with(stranger, "key-rotation", statement)] * 2
    from audit import ledger

    ledger.record(
        event="audit:signing-key:rotate",
        actor=None,
        refs={},
        payload={**statement, "signatures": marks},
    )
    assert set(known_keys()) == {signing.current_key_id()}


@committed
def test_verify_against_checkpoints_kept_elsewhere(capsys, some_events, tmp_path, witness):
    from audit.checkpoints.delivery import deliver_due

    some_events(4)
    checkpoint_now()
    some_events(5)
    checkpoint_now()
    assert deliver_due().sent == 2
    kept = sorted(witness.rglob("checkpoint-*.json"))
    assert len(kept) == 2
    code, said = verify(capsys, "--checkpoints", str(witness))
    assert code == 0
    assert "2 checkpoints agree: 2 kept elsewhere, 2 from the database; 4 signatures hold" in said
    bare = tmp_path / "bare.jsonl"
    entry = LedgerEntry.objects.get(seq=3)
    bare.write_text(f'{{"seq": 3, "hash": "{bytes(entry.hash).hex()}"}}\n')
    assert verify(capsys, "--checkpoints", str(bare))[0] == 0
    bare.write_text('{"seq": 7, "hash": "' + "ab" * 32 + '"}')
    code, said = verify(capsys, "--checkpoints", str(bare))
    assert (code, said.splitlines()[0]) == (1, "first bad sequence number: 7")
    assert "entries 5 to 7" in said
    tamper("DELETE FROM audit_ledgerentry WHERE seq > 8")
    Checkpoint.objects.all().delete()  # whoever cuts the tail does that too
    assert verify(capsys)[0] == 0  # nothing inside can show it
    code, said = verify(capsys, "--checkpoints", str(witness))
    assert (code, said.splitlines()[0]) == (1, "first bad sequence number: 9")


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[1]",
        "",
        '{"seq": 1}',
        '{"seq": "1", "hash": "' + "0" * 64 + '"}',
        '{"seq": 0, "hash": "' + "0" * 64 + '"}',
        '{"seq": 1, "hash": "00"}',
        '{"seq": 1, "hash": "' + "0" * 64 + '"}\n{"seq": 1, "hash": "' + "1" * 64 + '"}',
    ],
)
def test_a_checkpoint_file_that_is_none_is_an_error_and_not_a_verdict(content, tmp_path):
    (tmp_path / "c").write_text(content)
    with pytest.raises(CommandError) as refused:
        call_command("ledger", "verify", "--checkpoints", str(tmp_path / "c"))
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("ledger", "verify", "--checkpoints", str(tmp_path / "absent"))


def test_deliveries_are_queued_with_the_checkpoint(some_events, settings):
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses(["/a", "/b"])
    some_events(1)
    made = checkpoint_now()
    assert set(CheckpointDelivery.objects.values_list("checkpoint_id", "sink", "delivered_at")) == {
        (made.tree_size, "dir:/a", None),
        (made.tree_size, "dir:/b", None),
    }
