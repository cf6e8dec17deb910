"""How many statements one search is, and how the ones around the vector search are planned."""

from __future__ import annotations

import os
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from audit.wire import executed
from retrieval import access, clients, scope
from retrieval.access import Permission
from retrieval.models import Asset, Collection, Grant, Segment
from retrieval.services.search import shown
from tests.cast import client_of
from tests.conftest import owner_connection
from tests.factories import make_team, make_user
from tests.retrieval.search.conftest import World, catalogue

URL = "/api/v1/search/"
MOST_STATEMENTS = 8


@pytest.fixture
def world(transactional_db, fake_table, fake_calibration):
    made = World()
    catalogue()
    with clients.override(models=made.models, redaction=made.redaction):
        yield made


@contextmanager
def counted(monkeypatch):
    """All that reaches the database, whoever sends it, but BEGIN and COMMIT."""
    sent = []
    execute = psycopg.Cursor.execute

    def noted(self, query, *args, **kwargs):
        sent.append(query.as_string(self) if isinstance(query, sql.Composable) else str(query))
        return execute(self, query, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", noted)
        yield sent


def holding(world, count):
    """Somebody who reads ``count`` collections, with a picture in the first."""
    reader = make_user()
    with scope.system():
        made = Collection.objects.bulk_create(Collection(name=f"c{n}") for n in range(count))
        Grant.objects.bulk_create(Grant(collection=c, user=reader, role="searcher") for c in made)
    asset = world.put(made[0], world.vector("bear", near=0.9), title="A bear")
    return reader, asset


@pytest.mark.parametrize("body", [{"text": "bear"}, {"asset": True}])
def test_a_search_is_at_most_eight_statements_however_many_collections(world, monkeypatch, body):
    counts = {}
    for collections in (1, 40):
        reader, asset = holding(world, collections)
        client = client_of(reader)
        asked = {**body, "asset": str(asset.pk)} if "asset" in body else body
        asked["include_uncertain"] = True
        client.post(URL, asked)  # so that this process has met the user
        with counted(monkeypatch) as sent:
            answer = client.post(URL, asked)
        assert answer.status_code == 200
        assert answer.json()["searched"]["collections"] == collections
        counts[collections] = len(sent)
        beginnings = [" ".join(one.split())[:60] for one in sent]
    assert len(set(counts.values())) == 1, beginnings
    # A server looks first whether its connection lives: without a statement, see deploy.postgres.
    assert counts[1] <= MOST_STATEMENTS


def plan(statement, values):
    """The nodes of a plan by what they read."""
    with executed(sql.SQL("EXPLAIN (FORMAT JSON) ") + statement, values) as cursor:
        (found,) = cursor.fetchone()
    nodes, left = [], [found[0]["Plan"]]
    while left:
        one = left.pop()
        nodes.append((one["Node Type"], one.get("Relation Name")))
        left += one.get("Plans", [])
    return nodes


def crowd():
    """10,000 collections of others with a grant and an asset each; and a reader of two of them."""
    reader, other = make_user("reader"), make_user("other")
    with scope.system():
        made = Collection.objects.bulk_create(Collection(name=f"c{n}") for n in range(10_000))
        Grant.objects.bulk_create(Grant(collection=c, user=other, role="searcher") for c in made)
        Grant.objects.create(collection=made[0], user=reader, role="searcher")
        Grant.objects.create(collection=made[1], team=make_team(reader), role="curator")
        assets = Asset.objects.bulk_create(
            Asset(collection=c, state="searchable", digest=os.urandom(32), size_bytes=1)
            for c in made
        )
        segments = Segment.objects.bulk_create(
            Segment(asset=a, collection_id=a.collection_id, kind="whole", ordinal=0) for a in assets
        )
    with owner_connection() as conn:
        for table in ("collection", "grant", "asset", "segment"):
            conn.execute(f"ANALYZE retrieval_{table}")
    return reader, [segment.pk for segment in segments[:30]]


def test_nothing_is_read_through_at_10000_collections_of_others(transactional_db):
    reader, segments = crowd()
    granted = access.granted_values(user=reader, permission=Permission.READ)
    with scope.user(reader.pk):
        look = sql.SQL(shown._statement().decode())
        nodes = plan(look, ["off", segments, "searchable", *granted, *granted])
        assert {name for kind, name in nodes if kind == "Seq Scan"} <= {"accounts_membership"}
        assert ("Index Scan", "retrieval_asset") in nodes
        assert len(shown.segments_shown(user=reader, segment_ids=segments)) == 2
    before = scans()
    for _ in range(3):
        with executed(
            sql.SQL(
                "SELECT body, blocks FROM vitrine_search_reach(%b, %b::text[], '', %b, %b, %b)"
            ),
            [reader.pk, granted[1], None, b"", None],
        ) as cursor:
            body, blocks = cursor.fetchone()
    assert len(body["parts"]) == len(blocks) == 1
    assert len(blocks[0]) == 2 * 16
    assert scans() == before
    assert Grant.objects.count() > len(segments)  # reads it through, which must show
    assert scans() != before


def scans():
    """How often big tables were read through."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT 1")
        cursor.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN "
            "('retrieval_collection', 'retrieval_grant', 'retrieval_asset', 'retrieval_segment')"
        )
        return dict(cursor.fetchall())
