"""What only the real store can show: plans, where rows lie, and the second barrier."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from psycopg import sql

from accounts.models import User
from retrieval import scope
from retrieval.models import Collection, Grant, Role
from retrieval.vectors import ddl, raw
from retrieval.vectors.base import AssetFilter, VectorRow
from retrieval.vectors.pgvector import PgvectorBackend
from retrieval.vectors.shards import SHARED_SHARDS
from tests.retrieval.vectors.conftest import DIMENSION, TABLE, rows_of, unit_vectors

pytestmark = pytest.mark.django_db
backend = PgvectorBackend()


def ask(query, collections, **changes):
    asked = {"modalities": ["image"], "top_k": 10, **changes}
    return backend.search(table=TABLE, query=query, collections=collections, **asked)


def test_row_level_security_alone_hides_what_a_forgotten_filter_would_show(table):
    user = User.objects.create_user("reader")
    query = unit_vectors(1)[0]
    with scope.system():
        mine, theirs = (Collection.objects.create(name=name) for name in ("mine", "theirs"))
        Grant.objects.create(collection=mine, user=user, role=Role.SEARCHER)
        backend.upsert(table=TABLE, rows=rows_of(unit_vectors(2), collection=mine.id))
        backend.upsert(table=TABLE, rows=rows_of(query[None], collection=theirs.id, first=9))
    both = [mine.id, theirs.id]  # as if the permission filter had been forgotten
    with scope.user(user.id):
        assert {n.segment_id for n in ask(query, both)} == {1, 2}
        assert backend.count(table=TABLE) == 2
        assert backend.fetch(table=TABLE, asset_id=uuid.UUID(int=9)).size == 0
    with scope.user(None):
        assert ask(query, both) == []
    assert ask(query, both) == []  # outside any scope
    with scope.system():
        assert {n.segment_id for n in ask(query, both)} == {1, 2, 9}


def test_a_user_scope_cannot_write_into_a_collection_it_does_not_see(table):
    user = User.objects.create_user("writer")
    row = rows_of(unit_vectors(1), collection=uuid.uuid4())
    with pytest.raises(ProgrammingError, match="row-level security"), scope.user(user.id):
        backend.upsert(table=TABLE, rows=row)


def test_partitions_cannot_be_reached_around_the_policy(table):
    partition = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(f"{TABLE}_s00"))
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        scope.system(),
        raw.executed(partition, []),
    ):
        pass


def test_vectors_lie_in_the_row_and_leave_no_statistics(table):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attstorage, a.attstattarget, c.reltoastrelid FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname LIKE %s AND a.attname = 'vec' "
            "AND c.relkind IN ('r', 'p')",
            [f"{TABLE}%"],
        )
        found = cursor.fetchall()
    assert len(found) == 1 + SHARED_SHARDS
    assert {storage for _, storage, _, _ in found} == {"p"}
    assert {target for _, _, target, _ in found} == {0}


def explain(statement, parameters):
    with raw.executed(sql.SQL("EXPLAIN (FORMAT JSON) ") + statement, parameters) as cursor:
        plan = cursor.fetchone()[0]
    return json.loads(plan) if isinstance(plan, str) else plan


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def test_a_small_collection_among_many_rows_is_reached_through_its_index(table, monkeypatch):
    collections = [uuid.uuid4() for _ in range(40)]
    vectors = unit_vectors(50)
    statements = []
    with scope.system():
        for number, collection in enumerate(collections):
            made = rows_of(vectors, collection=collection, first=1 + 50 * number)
            backend.upsert(table=TABLE, rows=made)
        executed = raw.executed

        def noted(statement, parameters):
            statements.append((statement, parameters))
            return executed(statement, parameters)

        monkeypatch.setattr("retrieval.vectors.searching.executed", noted)
        ask(vectors[0], collections[:2])
        [(statement, parameters)] = statements
        plan = explain(statement, parameters)[0]["Plan"]
    kinds = {(n["Node Type"], n.get("Index Name", "")) for n in nodes(plan)}
    assert not [kind for kind, _ in kinds if kind == "Seq Scan"], kinds
    assert [index for _, index in kinds if "collection_id_modality" in index], kinds
    read = {n["Relation Name"] for n in nodes(plan) if "Relation Name" in n}
    assert len([name for name in read if name.startswith(TABLE)]) <= 2


def test_filters_are_applied_inside_the_query(table, make_asset):
    query = unit_vectors(1)[0]
    with scope.system():
        wanted = make_asset(
            captured_at=datetime(2020, 5, 1, tzinfo=UTC),
            source="camera",
            metadata={"a": {"b": 1}, "c": 2},
        )
        row = VectorRow(
            segment_id=1,
            asset_id=wanted.id,
            collection_id=wanted.collection_id,
            modality="image",
            vector=query,
        )
        near = rows_of(np.stack([query] * 60), collection=wanted.collection_id, first=2)
        backend.upsert(table=TABLE, rows=[row, *near])
        may_day = datetime(2020, 5, 1, tzinfo=UTC)
        for where, expected in (
            (AssetFilter(captured_after=may_day), [1]),
            (AssetFilter(captured_before=may_day), []),
            (AssetFilter(captured_before=datetime(2021, 1, 1, tzinfo=UTC)), [1]),
            (AssetFilter(source="camera"), [1]),
            (AssetFilter(source="scanner"), []),
            (AssetFilter(metadata={"a": {"b": 1}}), [1]),
            (AssetFilter(metadata={"a": {"b": 2}}), []),
            (AssetFilter(source="camera", metadata={"c": 2}, captured_after=may_day), [1]),
        ):
            found = ask(query, [wanted.collection_id], where=where, top_k=3)
            assert [n.segment_id for n in found] == expected, where


def test_statements_do_not_grow_with_collections_and_modalities(table, django_assert_num_queries):
    query = unit_vectors(1)[0]
    with scope.system():
        for count in (1, 200):
            with django_assert_num_queries(1):
                ask(query, [uuid.uuid4() for _ in range(count)], modalities=["image", "audio"])


def test_making_a_table_twice_is_no_error_and_another_dimension_is(table):
    assert not ddl.create_table(table=TABLE, dimension=DIMENSION)
    with pytest.raises(ValueError, match="dimension 16, expected 8"):
        ddl.create_table(table=TABLE, dimension=8)
    with pytest.raises(ValueError, match="from 1 to 4000"):
        ddl.create_table(table="vectors_wide", dimension=4001)


def test_the_widest_vector_fits(db, system):
    wide = "vectors_wide"
    ddl.create_table(table=wide, dimension=ddl.MAX_DIMENSION, shards=1)
    try:
        with scope.system(), transaction.atomic():
            made = unit_vectors(1, dimension=ddl.MAX_DIMENSION)
            backend.upsert(table=wide, rows=rows_of(made, collection=uuid.uuid4()))
            assert backend.count(table=wide) == 1
            backend.delete(table=wide, asset_ids=[uuid.UUID(int=1)])
    finally:
        # The test's transaction holds a lock on the table until it ends; the session's database
        # goes with it.
        with pytest.raises(psycopg.errors.LockNotAvailable):
            ddl.drop_table(table=wide)


def test_table_names_tell_refs_apart_and_are_plain():
    names = {ddl.table_name(ref) for ref in ("clip@1.0", "clip@1_0", "Clip@1.0", "ü@1")}
    assert len(names) == 4
    assert all(
        name.isascii() and name.replace("_", "").isalnum() and len(name) < 60 for name in names
    )
