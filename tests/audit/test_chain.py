import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.chain import (
    GENESIS,
    Entry,
    Fault,
    Known,
    canonical,
    canonical_time,
    entry_fields,
    entry_hash,
    verify_chain,
)
from audit.export import entry_line
from audit.merkle import GrowingTree

START = datetime(2026, 11, 21, 2, 5, tzinfo=UTC)


def link(seq, prev, **fields):
    entry = Entry(
        seq=seq,
        at=START + timedelta(milliseconds=seq),
        actor=UUID(int=seq % 7) if seq % 3 else None,
        event="search:query:run",
        refs={"search": str(UUID(int=seq)), "collection": [str(UUID(int=1)), str(UUID(int=2))]},
        payload="" if seq % 2 else '{"hits":1}',
        prev=prev,
        hash=b"",
    )._replace(**fields)
    return entry._replace(hash=entry_hash(entry))


def chain(length, **fields):
    entries, prev = [], GENESIS
    for seq in range(1, length + 1):
        entries.append(link(seq, prev, **fields))
        prev = entries[-1].hash
    return entries


identifiers = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
refs = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    st.one_of(identifiers, any_text, st.lists(st.one_of(identifiers, any_text), max_size=4)),
    max_size=5,
)


@given(
    seq=st.integers(1, 2**53 - 1),
    at=st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive, the zone is drawn
    actor=st.one_of(st.none(), st.uuids()),
    event=any_text,
    refs=refs,
    payload=any_text,
    prev=st.binary(min_size=32, max_size=32),
)
def test_the_canonical_form_is_that_of_rfc_8785(seq, at, actor, event, refs, payload, prev):
    entry = Entry(seq, at, actor, event, refs, payload, prev, b"")
    fields = {
        "seq": seq,
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z",
        "actor": None if actor is None else str(actor),
        "event": event,
        "refs": refs,
        "payload": payload,
        "prev": prev.hex(),
    }
    assert canonical(entry) == rfc8785.dumps(fields)
    assert entry_hash(entry) == hashlib.sha256(rfc8785.dumps(fields)).digest()


def test_the_format_of_the_first_entry_never_changes():
    entry = Entry(
        seq=1,
        at=datetime(2026, 11, 21, 2, 5, 0, 7, tzinfo=UTC),
        actor=UUID("00000000-0000-4000-8000-00000000000a"),
        event="auth:session:login",
        refs={"user": "u1", "collection": ["c2", "c1"]},
        payload='{"a":"é"}',
        prev=GENESIS,
        hash=b"",
    )
    assert canonical(entry).decode() == (
        '{"actor":"00000000-0000-4000-8000-00000000000a","at":"2026-11-21T02:05:00.000007Z",'
        '"event":"auth:session:login","payload":"{\\"a\\":\\"é\\"}","prev":"' + "0" * 64 + '",'
        '"refs":{"collection":["c2","c1"],"user":"u1"},"seq":1}'
    )
    assert (
        entry_hash(entry).hex()
        == "757e4c8aa8ed2d23464eba315614a9a88e3dd433a98336769aa1ba61b1955687"
    )


def test_one_moment_has_one_spelling():
    elsewhere = START.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert canonical_time(elsewhere) == canonical_time(START) == "2026-11-21T02:05:00.000000Z"
    with pytest.raises(ValueError, match="zone"):
        canonical_time(START.replace(tzinfo=None))


def test_a_sound_chain_holds_whole_and_in_parts():
    entries = chain(20)
    whole = verify_chain(entries)
    assert (whole.entries, whole.head_seq, whole.head_hash) == (20, 20, entries[-1].hash)
    assert whole.fault is None
    part = verify_chain(entries[5:], after_seq=5, after_hash=entries[4].hash)
    assert (part.entries, part.head_seq, part.fault) == (15, 20, None)
    empty = verify_chain([])
    assert (empty.entries, empty.head_seq, empty.head_hash, empty.fault) == (0, 0, GENESIS, None)


CHANGES = {
    "seq": lambda e: e.seq + 1000,
    "at": lambda e: e.at + timedelta(microseconds=1),
    "actor": lambda _: uuid4(),
    "event": lambda e: e.event + "s",
    "refs": lambda e: {**e.refs, "search": "x"},
    "payload": lambda e: e.payload + " ",
    "prev": lambda e: hashlib.sha256(e.prev).digest(),
    "hash": lambda e: hashlib.sha256(e.hash).digest(),
}


def test_there_is_a_change_for_every_field():
    assert set(CHANGES) == set(Entry._fields)


@pytest.mark.parametrize("column", CHANGES)
@given(place=st.integers(0, 29))
def test_a_change_of_any_field_of_any_entry_is_found_where_it_is(column, place):
    entries = chain(30)
    entries[place] = entries[place]._replace(**{column: CHANGES[column](entries[place])})
    found = verify_chain(entries)
    assert found.fault is not None
    assert found.fault.seq == place + 1
    assert found.entries == place


@given(place=st.integers(0, 29))
def test_a_forger_who_also_recomputes_the_hash_is_found_at_the_next_entry(place):
    entries = chain(30)
    forged = entries[place]._replace(event="auth:token:create")
    entries[place] = forged._replace(hash=entry_hash(forged))
    kept_elsewhere = [Known(30, entries[-1].hash), Known(place + 1, chain(30)[place].hash)]
    assert verify_chain(entries, known=kept_elsewhere).fault.seq == place + 1
    if place < 29:
        assert verify_chain(entries).fault.seq == place + 2


@given(place=st.integers(0, 28))
def test_deleted_inserted_repeated_and_swapped_entries_are_found(place):
    sound = chain(30)
    assert verify_chain(sound[:place] + sound[place + 1 :]).fault == Fault.at(place + 1, "missing")
    inserted = [*sound[:place], link(place + 1, GENESIS, event="a:b:c"), *sound[place:]]
    assert verify_chain(inserted).fault.seq == place + 1
    repeated = [*sound[: place + 1], sound[place], *sound[place + 1 :]]
    assert verify_chain(repeated).fault == Fault.at(place + 1, "out of order")
    swapped = sound[:]
    swapped[place], swapped[place + 1] = (
        sound[place + 1]._replace(seq=place + 1),
        sound[place]._replace(seq=place + 2),
    )
    assert verify_chain(swapped).fault.seq == place + 1


def test_a_cut_tail_shows_only_against_a_checkpoint():
    sound = chain(30)
    cut = sound[:20]
    assert verify_chain(cut).fault is None
    fault = verify_chain(cut, known=[Known(10, sound[9].hash), Known(25, sound[24].hash)]).fault
    assert fault.seq == 21
    assert "25" in fault.reason


def test_a_chain_replaced_as_a_whole_shows_only_against_a_checkpoint():
    sound = chain(30)
    replaced = chain(30, event="auth:session:login")
    assert verify_chain(replaced).fault is None
    fault = verify_chain(replaced, known=[Known(10, sound[9].hash)]).fault
    assert (fault.seq, fault.since) == (10, 1)
    rewritten = sound[:14]
    for seq in range(15, 31):
        rewritten.append(link(seq, rewritten[-1].hash, event="auth:session:login"))
    known = [Known(size, sound[size - 1].hash) for size in (30, 20, 10, 5)]
    fault = verify_chain(rewritten, known=known).fault
    assert (fault.seq, fault.since) == (20, 11)
    assert "entries 11 to 20" in fault.reason


def root_at(entries, size):
    tree = GrowingTree()
    for entry in entries[:size]:
        tree.add(entry.hash)
    return tree.root()


def test_tree_hashes_are_compared_too():
    sound = chain(30)
    known = [Known(size, root=root_at(sound, size)) for size in (1, 17, 30)]
    assert verify_chain(sound, known=known).fault is None
    fault = verify_chain(sound, known=[*known, Known(9, root=root_at(sound, 8))]).fault
    assert (fault.seq, fault.since) == (9, 2)
    assert "tree" in fault.reason
    part = verify_chain(sound[5:], after_seq=5, after_hash=sound[4].hash, known=known)
    assert part.fault is None  # without the beginning there is no tree, but the end is looked for
    assert verify_chain(sound[5:20], after_seq=5, after_hash=sound[4].hash, known=known).fault


def test_a_clock_that_was_moved_back_is_told_and_is_no_fault():
    prev, entries = GENESIS, []
    for seq, seconds in enumerate([0, 10, 9, 4, 10, 11], start=1):
        entries.append(link(seq, prev, at=START + timedelta(seconds=seconds)))
        prev = entries[-1].hash
    found = verify_chain(entries)
    assert found.fault is None
    assert (found.backwards.entries, found.backwards.most_seconds) == (2, 6.0)
    assert found.backwards.at_seq == 4
    assert found.latest_at == canonical_time(START + timedelta(seconds=11))


@given(refs=refs, payload=any_text, event=any_text)
def test_a_line_of_an_export_is_canonical_json_with_the_hash_in_it(refs, payload, event):
    entry = link(7, GENESIS, refs=refs, payload=payload, event=event)
    assert entry_line(entry) == rfc8785.dumps(entry_fields(entry)) + b"\n"


@pytest.mark.parametrize("refs", [{"n": 1.5}, {"n": None}, {"n": [1]}, {"n": {"a": "b"}}, [1]])
def test_what_no_function_of_ours_writes_is_a_fault_and_not_a_crash(refs):
    sound = chain(3)
    assert verify_chain([sound[0], sound[1]._replace(refs=refs), sound[2]]).fault.seq == 2


def test_results_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        verify_chain([]).entries = 1
