"""The stand-alone verifier: alone, of one mind with ``ledger verify``, and hard to fool."""

import ast
import hashlib
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import rfc8785
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from audit import ledger, signing, standalone
from audit.chaining import chain_pending
from audit.checkpoints import checkpoint_now, consistency_of, proof_of
from audit.export import export_lines
from audit.models import Checkpoint
from audit.rotation import key_rotate
from audit.sink_addresses import sink_addresses
from tests.conftest import owner_connection, without_ledger_triggers

FILE = Path(standalone.__file__).with_name(standalone.FILE_NAME)
spec = importlib.util.spec_from_file_location("vitrine_verify_of_tests", FILE)
alone = importlib.util.module_from_spec(spec)
spec.loader.exec_module(alone)

committed = pytest.mark.django_db(transaction=True)
HELD = 12  # the checkpoint that the auditor keeps


@pytest.fixture(autouse=True)
def _no_sinks(settings):
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses(["none"])


def written(folder, name, said):
    file = folder / name
    file.write_bytes(said if isinstance(said, bytes) else json.dumps(said).encode())
    return str(file)


def exported(folder, name="export.jsonl"):
    return written(folder, name, b"".join(export_lines(by=None)))


def pem(folder):
    return written(folder, "key.pem", signing.public_key_pem().encode())


def ran(*arguments):
    done = subprocess.run(
        [sys.executable, "-I", str(FILE), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_it_imports_the_standard_library_and_cryptography_alone():
    tree = ast.parse(standalone.source())
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names - {"cryptography"} <= sys.stdlib_module_names | {"__future__"}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner)
    ),
    max_leaves=12,
)


@given(json_values)
def test_its_canonical_json_is_that_of_rfc_8785(value):
    assert alone.canonical(value).encode() == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [1e21, 1e20, 123456789012345680000.0, 1e-7, 1e-6, 5e-324, -0.0, 1.5, 333333333.3333333, 4.5e15],
)
def test_its_numbers_are_those_of_ecmascript(value):
    assert alone.canonical(value).encode() == rfc8785.dumps(value)
    with pytest.raises(ValueError, match="number"):
        alone.canonical(math.inf)


@pytest.fixture
def sound(some_events, tmp_path):
    """A ledger of 20 entries or so with checkpoints of 6 and 12; the auditor keeps the second."""
    some_events(6)
    checkpoint_now()
    some_events(4, actor=uuid4(), event="search:query:run", collection=[uuid4(), uuid4()])
    ledger.record(
        event="consent:record:create",
        actor=None,
        refs={},
        payload={"said": 'in "confidence"\n'},
        personal_to=ledger.PersonalTo("subject", uuid4()),
    )
    checkpoint_now()
    some_events(7)
    chain_pending()
    kept = Checkpoint.objects.get(tree_size=HELD).document
    return {"checkpoints": written(tmp_path, "kept.json", kept), "key": pem(tmp_path)}


def both(sound, folder, capsys, checkpoints=True):
    """The verdicts of both verifiers, which must be one; of an export made now."""
    asked = ["--checkpoints", sound["checkpoints"]] if checkpoints else []
    export = exported(folder, f"{uuid4()}.jsonl")
    capsys.readouterr()
    status = alone.main(["ledger", export, "--key", sound["key"], "--json", *asked])
    outside = json.loads(capsys.readouterr().out)
    try:
        call_command("ledger", "verify", "--json", *asked)
        inside_status = 0
    except SystemExit as ended:
        inside_status = ended.code
    inside = json.loads(capsys.readouterr().out)
    for one in (inside, outside):
        one.pop("pending", None)
        one.pop("head_hash")
    if inside["first_bad"] is not None:  # how far each read on after that is its own business
        for one in (inside, outside):
            one.pop("head_seq")
            one.pop("backwards")
    assert inside == outside
    assert inside_status == status
    return status, outside


def tamper(*statements):
    with owner_connection() as conn:
        conn.execute("SET ROLE vitrine_ledger")
        with without_ledger_triggers(conn):
            for sql in statements:
                conn.execute(sql)


# Entries from the one of %s on are chained anew, as somebody could who became the ledger's owner.
REWRITE = """
DO $$
DECLARE one record; head bytea := (SELECT hash FROM audit_ledgerentry WHERE seq = {0} - 1);
BEGIN
    head := coalesce(head, decode(repeat('00', 32), 'hex'));
    FOR one IN SELECT * FROM audit_ledgerentry WHERE seq >= {0} ORDER BY seq LOOP
        UPDATE audit_ledgerentry SET prev = head, hash = sha256(convert_to(audit_canonical(
            one.seq, one.at, one.actor, one.event, one.refs, one.payload, head), 'UTF8'))
        WHERE seq = one.seq RETURNING hash INTO head;
    END LOOP;
END $$
"""
SWAP = (
    "UPDATE audit_ledgerentry SET seq = 1000 WHERE seq = 14",
    "UPDATE audit_ledgerentry SET seq = 14 WHERE seq = 15",
    "UPDATE audit_ledgerentry SET seq = 15 WHERE seq = 1000",
)
INSERT = (
    "UPDATE audit_ledgerentry SET seq = seq + 1000 WHERE seq >= 9",
    "UPDATE audit_ledgerentry SET seq = seq - 999 WHERE seq >= 1000",
    """INSERT INTO audit_ledgerentry
       SELECT 9, at, actor, 'a:b:c', refs, payload, prev, hash FROM audit_ledgerentry
       WHERE seq = 10""",
)


def changed(column, value, seq):
    return (f"UPDATE audit_ledgerentry SET {column} = {value} WHERE seq = {seq}",)  # noqa: S608 - ours


CASES = [
    (changed("seq", "2000", 16), 16, 16),
    (changed("at", "at - interval '1 microsecond'", 4), 4, 4),
    (changed("actor", "gen_random_uuid()", 4), 4, 4),
    (changed("event", "'a:b:c'", 18), 18, 18),
    (changed("refs", "'{}'", 1), 1, 1),
    (changed("refs", "'{\"thing\": 1.5}'", 3), 3, 3),
    (changed("payload", "payload || ' '", 5), 5, 5),
    (changed("prev", "hash", 7), 7, 7),
    (changed("hash", "prev", 7), 7, 7),
    (("DELETE FROM audit_ledgerentry WHERE seq = 13",), 13, 13),
    (("DELETE FROM audit_ledgerentry WHERE seq <= 2",), 1, 1),
    (INSERT, 9, 9),
    (SWAP, 14, 14),
    # The entry about the export takes the number of what was cut.
    (("DELETE FROM audit_ledgerentry WHERE seq >= 9",), 10, 7),
    ((*changed("event", "'a:b:c'", 8), REWRITE.format(8)), HELD, 7),
    ((*changed("event", "'a:b:c'", 1), REWRITE.format(1)), 6, 1),
]


@committed
@pytest.mark.timeout(300)
def test_both_verifiers_find_every_change_and_name_the_same_number(sound, tmp_path, capsys):
    assert both(sound, tmp_path, capsys)[0] == 0
    found = []
    with owner_connection() as conn:
        rows = conn.execute("SELECT *, refs::text FROM audit_ledgerentry").fetchall()
    for changes, *_ in CASES:
        tamper(*changes)
        status, verdict = both(sound, tmp_path, capsys)
        found.append((status, verdict["first_bad"], verdict["since"]))
        with owner_connection() as conn:
            conn.execute("SET ROLE vitrine_ledger")
            with without_ledger_triggers(conn), conn.transaction(), conn.cursor() as cursor:
                cursor.execute("TRUNCATE audit_ledgerentry")
                cursor.executemany(
                    "INSERT INTO audit_ledgerentry VALUES (%s,%s,%s,%s,%s,%s,%s,%s)",
                    [(*row[:4], row[8], *row[5:8]) for row in rows],
                )
    assert found == [(1, bad, since) for _, bad, since in CASES]
    assert both(sound, tmp_path, capsys)[0] == 0


@committed
def test_a_cut_tail_without_a_witness_shows_to_nobody(sound, tmp_path, capsys):
    tamper("DELETE FROM audit_ledgerentry WHERE seq >= 5", "DELETE FROM audit_ledgerpending")
    Checkpoint.objects.all().delete()
    status, found = both(sound, tmp_path, capsys, checkpoints=False)
    assert (status, found["first_bad"]) == (0, None)
    status, found = both(sound, tmp_path, capsys)
    assert (status, found["first_bad"]) == (1, found["entries"] + 1)


@pytest.mark.django_db
def test_alone_in_a_process_of_its_own(sound, tmp_path):
    export = exported(tmp_path)
    status, said = ran(
        "ledger", export, "--checkpoints", sound["checkpoints"], "--key", sound["key"]
    )
    assert status == 0
    assert "entries verified; all hold" in said
    assert "2 checkpoints agree: 1 kept elsewhere, 2 from the export; 3 signatures hold" in said
    lines = Path(export).read_bytes().splitlines(keepends=True)
    entries = [place for place, line in enumerate(lines) if b'"seq"' in line]
    cut = written(tmp_path, "cut.jsonl", b"".join(lines[: entries[9]]))
    status, said = ran("ledger", cut, "--checkpoints", sound["checkpoints"])
    assert status == 1
    assert said.startswith("first bad sequence number: 10\n")
    for bad in (["ledger", "/nowhere"], ["ledger", export, "--key", export], ["receipt", export]):
        assert ran(*bad)[0] == 2


@pytest.mark.django_db
def test_lines_that_say_more_or_other_than_what_was_hashed(sound, tmp_path, capsys):
    lines = b"".join(export_lines(by=None)).splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if b'"seq":1}' in line)

    def verdict(place, line):
        bent = [*lines[:place], line, *lines[place + 1 :]]
        capsys.readouterr()
        status = alone.main(["ledger", written(tmp_path, "bent", b"".join(bent)), "--json"])
        return status, json.loads(capsys.readouterr().out)["first_bad"]

    fourth = lines[first + 3]
    assert verdict(first + 3, fourth) == (0, None)
    for bent in (
        fourth.replace(b'{"actor":null', b'{"actor":"alma","actor":null'),
        fourth.replace(b'"seq":4}', b'"seq":4,"note":"x"}'),
        fourth.replace(b'"seq":4}', b'"seq":4.0}'),
        fourth.replace(b'"seq":4}', b'"seq":"4"}'),
        fourth.replace(b'"payload":""', b'"payload":null'),
        fourth.replace(b'"hash":"', b'"hash":"0'),
        b"no json\n",
        b"[]\n",
        b"{}\n",
    ):
        assert bent != fourth
        assert verdict(first + 3, bent) == (1, 4)
    assert verdict(first + 3, fourth[:-1] + b"\r\n") == (0, None)


@committed
def test_an_export_from_before_a_key_was_changed_and_one_from_after(sound, tmp_path, capsys):
    key_rotate(by=None)
    checkpoint_now()
    status, found = both(sound, tmp_path, capsys)  # with the old public key alone
    assert (status, found["checkpoints"]["signed"]) == (0, 4)
    new = {**sound, "key": pem(tmp_path)}
    assert both(new, tmp_path, capsys)[0] == 0


@pytest.mark.django_db
def test_forged_checkpoints_are_named_and_not_believed(sound, tmp_path, capsys):
    document = Checkpoint.objects.get(tree_size=HELD).document
    forged = {**document, "root": "ab" * 32}
    status, found = both(
        {**sound, "checkpoints": written(tmp_path, "forged.json", forged)}, tmp_path, capsys
    )
    assert status == 1
    assert found["first_bad"] is None
    assert found["checkpoints"]["bad"] == [{"size": HELD, "reason": "its signature does not hold"}]


@pytest.mark.django_db
def test_receipts_proofs_and_consistency(sound, tmp_path, capsys):
    key = ["--key", sound["key"]]
    receipt = signing.signed("erasure-receipt", {"request": "r", "ledger": [proof_of(5)], "s": 1.5})
    assert alone.main(["receipt", written(tmp_path, "r", receipt), *key]) == 0
    said = capsys.readouterr().out
    assert "the signature holds: erasure-receipt" in said
    assert "entry 5 (test:thing:happen, " in said
    for bent in (
        {**receipt, "s": 1.25},
        {key: value for key, value in receipt.items() if key != "signature"},
        signing.signed(
            "erasure-receipt", {"ledger": {**proof_of(5), "entry": proof_of(4)["entry"]}}
        ),
        signing.signed("erasure-receipt", {"ledger": {**proof_of(5), "inclusion": {}}}),
    ):
        assert alone.main(["receipt", written(tmp_path, "r", bent), *key]) == 1
    body = {"request": "r"}
    for digest, status in ((hashlib.sha256(rfc8785.dumps(body)).hexdigest(), 0), ("0" * 64, 1)):
        ledger.record(event="a:b:c", actor=None, refs={}, payload={"sha256": digest})
        made = checkpoint_now()
        receipt = signing.signed("erasure-receipt", {**body, "ledger": proof_of(made.tree_size)})
        assert alone.main(["receipt", written(tmp_path, "r", receipt), *key]) == status
    proof = written(tmp_path, "p", proof_of(9))
    assert alone.main(["proof", proof, *key]) == 0
    assert alone.main(["proof", written(tmp_path, "p", {"a": 1}), *key]) == 2
    between = consistency_of(first=6, second=HELD)
    old = written(tmp_path, "old", between["first"])
    assert alone.main(["consistency", old, written(tmp_path, "new", between), *key]) == 0
    bent = {**between, "path": between["path"][:-1]}
    assert alone.main(["consistency", old, written(tmp_path, "new", bent), *key]) == 1
    assert (
        alone.main(["consistency", sound["checkpoints"], written(tmp_path, "new", between), *key])
        == 1
    )
    assert alone.main(["consistency", old, old, *key]) == 2
