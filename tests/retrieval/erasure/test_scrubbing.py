"""What deleted rows leave in the files is really gone, and what stays is found (the control)."""

import os
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from audit.models import ScrubRun
from deploy.paths import Paths
from retrieval import scope
from retrieval.models import Segment
from retrieval.selectors.scrubbing import deletions_due, leaves
from retrieval.services import scrubbing
from retrieval.services.assets import asset_delete
from retrieval.services.erasure_proving import erasures_prove
from retrieval.services.scrubbing import maintainer, scrub
from retrieval.vectors import VectorRow, backend
from tests.conftest import owner_connection
from tests.factories import make_asset, make_collection, make_reader

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 40


@pytest.fixture
def pgdata(settings):
    """The files of the embedded server that the tests run on."""
    if "VITRINE_DATA" not in os.environ:
        pytest.skip("the database's files are not of this machine: VITRINE_DATA is not set")
    settings.PATHS = Paths(Path(os.environ["VITRINE_DATA"]).resolve())
    if not os.access(settings.PATHS.postgres.resolve() / "base", os.R_OK):
        pytest.skip("the database's files may not be read by this user")
    return settings.PATHS.postgres.resolve()


def rows_stored(collection, table):
    """Assets with a text and a vector each; (asset, what to look for) pairs."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(ROWS):
        word = f"canary{number:03}{rng.integers(10**12):012}"
        asset = make_asset(collection, title=f"of {word}", segments=(f"a text on {word} here",))
        vector = rng.standard_normal(8).astype(np.float32)
        vector /= np.linalg.norm(vector)
        with scope.system():
            segment = Segment.objects.get(asset=asset)
            row = VectorRow(
                segment_id=segment.pk, asset_id=asset.pk, collection_id=collection.pk,
                modality="text", vector=vector,
            )  # fmt: skip
            backend().upsert(table=table, rows=[row])
        made.append((asset, (word.encode(), vector.astype(np.float16).tobytes())))
    return made


def found(pgdata, needles):
    """Which of the needles any file of the cluster holds, the log included."""
    with maintainer() as conn:
        conn.execute("CHECKPOINT")
    left, seen = set(needles), set()
    for path in pgdata.rglob("*"):
        if path.is_file() and left:
            data = path.read_bytes()
            seen |= {one for one in left if one in data}
            left -= seen
    return seen


@pytest.mark.parametrize("most_mb", [256, 0])
def test_no_file_holds_what_was_erased_and_every_kept_row_is_found(
    most_mb, pgdata, settings, model, table, collection
):
    """Erased and kept ones lie interleaved. With ``most_mb`` 0, tables of vectors are refilled."""
    made = rows_stored(collection, table)
    erased, kept = made[::2], made[1::2]
    gone = {needle for _, needles in erased for needle in needles}
    stay = {needle for _, needles in kept for needle in needles}
    assert found(pgdata, gone | stay) == gone | stay
    user = make_reader(collection, "curator")
    for asset, _ in erased:
        asset_delete(user=user, asset_id=asset.pk)
    assert found(pgdata, gone) == gone  # as rows that are only deleted do
    vectors = leaves(["vectors_*"], collections=[collection.pk])
    settings.VITRINE_SCRUB_MOST_MB = most_mb
    done = scrub(vectors)
    assert done.log == "removed"
    assert {one.how for one in done.tables} == {"full" if most_mb else "refilled"}
    settings.VITRINE_SCRUB_MOST_MB = 256
    erasures_prove()
    assert found(pgdata, gone) == set()
    assert found(pgdata, stay) == stay
    with scope.system():  # none of the rows that filled the places is there
        assert backend().count(table=table) == len(kept)


def test_what_is_deleted_without_a_request_is_scrubbed_once(model, table, collection):
    asset = make_asset(collection, segments=("words",))
    asset_delete(user=make_reader(collection, "curator"), asset_id=asset.pk)
    with scope.system():
        assert deletions_due() == [asset.pk]
    erasures_prove()
    run = ScrubRun.objects.get()
    assert {one["table"] for one in run.tables} >= {"retrieval_asset", "retrieval_segment"}
    with scope.system():
        assert deletions_due() == []


def test_a_login_that_may_not_checkpoint_says_so_in_place_of_failing(model, table):
    """The tests' own data folder knows no superuser: as with a database elsewhere."""
    done = scrub(["retrieval_asset"])
    assert [one.how for one in done.tables] == ["full"]
    assert done.log == ""
    assert {note.what for note in done.not_reached} == {"the database's write-ahead log"}


def test_a_table_too_large_is_told_and_left_to_a_quiet_hour(model, table, settings, capsys):
    settings.VITRINE_SCRUB_MOST_MB = 0
    done = scrub(["retrieval_segment"])
    assert [one.how for one in done.tables] == ["vacuumed"]
    assert any("see manage.py scrub" in note.why for note in done.not_reached)
    call_command("scrub", "--all")
    said = capsys.readouterr().out
    assert "full      retrieval_segment" in said
    assert "not reached: the database's write-ahead log" in said


def test_rows_that_an_old_transaction_still_sees_are_told(model, table, collection, monkeypatch):
    """VACUUM FULL would keep them in silence."""
    monkeypatch.setattr(scrubbing, "_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(scrubbing, "_PAUSE_SECONDS", 0.0)
    make_asset(collection, segments=("words",))
    with owner_connection() as old, old.transaction():
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1")
        with scope.system():
            Segment.objects.all().delete()
        done = scrub(["retrieval_segment"])
    assert done.tables == []
    assert "free space in the pages of retrieval_segment" in {n.what for n in done.not_reached}
    again = scrub(["retrieval_segment"])
    assert [one.table for one in again.tables] == ["retrieval_segment"]


def test_other_collections_own_parts_are_left_alone(model, table):
    names = leaves([f"{table}*"], collections=[make_collection().pk])
    assert all("_c1" not in name for name in names)
