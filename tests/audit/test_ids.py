"""Ids as one block: a set of ids, whatever order they came in, and a uuid[] for Postgres."""

from uuid import UUID, uuid4

import pytest
from psycopg import sql

from audit.ids import Ids
from audit.wire import executed

SOME = [UUID(int=n << 64) for n in (3, 1, 2, 256)]


def test_equal_sets_are_equal_blocks():
    assert Ids.of(SOME) == Ids.of([*SOME[::-1], SOME[0]])
    assert list(Ids.of(SOME)) == sorted(SOME, key=lambda one: one.bytes)
    assert Ids.of(SOME).digest == Ids.of(reversed(SOME)).digest != Ids.of(SOME[1:]).digest


def test_what_is_in_it():
    ids = Ids.of(SOME)
    assert all(one in ids for one in SOME)
    assert uuid4() not in ids
    assert "3" not in ids
    assert Ids() == Ids.of([])
    assert not Ids()
    assert ids[1:3] == Ids.of(list(ids)[1:3])
    assert ids[-1] == list(ids)[-1]


def test_parts_together():
    assert Ids.merged([Ids.of(SOME[:2]), Ids(), Ids.of(SOME[1:])]) == Ids.of(SOME)
    assert Ids.merged([]) == Ids()


def test_half_an_id_is_refused():
    with pytest.raises(ValueError, match="multiple of 16"):
        Ids(b"123")


@pytest.mark.django_db
@pytest.mark.parametrize("count", [0, 1, 300])
def test_postgres_takes_them_as_an_array(count):
    wanted = Ids.of(uuid4() for _ in range(count))
    statement = sql.SQL("SELECT %b::uuid[], string_agg(uuid_send(i), '') FROM unnest(%b) AS i")
    with executed(statement, [wanted, wanted]) as cursor:
        array, block = cursor.fetchone()
    assert array == list(wanted)
    assert Ids(block or b"") == wanted
