"""``kill -9``, twice: the table ends as if nothing had happened, byte for byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
from django.db import connection
from psycopg import sql

from audit.models import LedgerPending
from deploy.paths import ROOT
from retrieval import scope
from retrieval.models import Asset, ReembedJob, Segment
from retrieval.services.embedding import UNHURRIED
from retrieval.services.reembed import reembed_start, reembed_status
from retrieval.vectors import backend
from tests.factories import make_collection
from tests.retrieval.reembed.conftest import NEW, TABLES, job_of, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

# 10,000 with VITRINE_TEST_REEMBED_SEGMENTS=10000; it was run so.
SEGMENTS = int(os.environ.get("VITRINE_TEST_REEMBED_SEGMENTS", "2000"))
_EACH = 10


def fill(collection) -> None:
    """Texts of ten segments each."""
    with scope.system():
        assets = Asset.objects.bulk_create(
            Asset(
                collection=collection,
                state="searchable",
                modality="text",
                media_type="text/plain; charset=utf-8",
                digest=number.to_bytes(32, "big"),
                size_bytes=1,
            )
            for number in range(SEGMENTS // _EACH)
        )
        Segment.objects.bulk_create(
            [
                Segment(
                    asset=asset,
                    collection=collection,
                    modality="text",
                    kind="chunk",
                    ordinal=ordinal,
                    text=f"line {ordinal} of text {number}",
                )
                for number, asset in enumerate(assets)
                for ordinal in range(_EACH)
            ],
            batch_size=5000,
        )


def image() -> str:
    """A digest of every byte of every row of the new table, in order of segment."""
    digest = hashlib.sha256()
    statement = sql.SQL("COPY (SELECT * FROM {} ORDER BY segment_id) TO STDOUT (FORMAT binary)")
    statement = statement.format(sql.Identifier(TABLES[NEW]))
    with scope.system(), connection.cursor() as cursor, cursor.cursor.copy(statement) as copied:
        for block in copied:
            digest.update(block)
    return digest.hexdigest()


def started(job_id: UUID, data: Path) -> subprocess.Popen[bytes]:
    login = connection.settings_dict
    app_url = (
        f"postgresql://{quote(login['USER'])}:{quote(login['PASSWORD'])}@/{login['NAME']}"
        f"?host={quote(login['HOST'], safe='')}&port={login['PORT']}"
    )
    env = {
        **os.environ,
        "VITRINE_DATA": str(data),
        "VITRINE_SECRET_KEY": "only-for-this-test",
        "DATABASE_APP_URL": app_url,
        "DJANGO_SETTINGS_MODULE": "deploy.settings",
        "PYTHONPATH": str(ROOT),
    }
    script = Path(__file__).with_name("killed_worker.py")
    return subprocess.Popen([sys.executable, str(script), str(job_id)], env=env, cwd=data)


def killed_after(process: subprocess.Popen[bytes], share: float) -> ReembedJob:
    """The job as the process leaves it that is killed once ``share`` of the segments are done."""
    while job_of().done < share * SEGMENTS:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    process.kill()
    process.wait()
    return job_of()


def test_killed_twice_it_ends_as_if_nothing_had_happened(models, paths, tmp_path):
    fill(make_collection())
    reembed_start(ref=NEW, by=None)
    assert run(pace=UNHURRIED).state == "done"
    undisturbed = image()
    with scope.system():
        assets = list(Asset.objects.values_list("id", flat=True))
        assert backend().delete(table=TABLES[NEW], asset_ids=assets) == SEGMENTS

    job = reembed_start(ref=NEW, by=None)
    for share in (0.2, 0.6):
        left = killed_after(started(job.id, tmp_path), share)
        assert left.state == "running"
        assert left.claim is not None  # it died with the job in its hands
        with scope.system():
            stored = backend().count(table=TABLES[NEW])
        assert stored == left.done < SEGMENTS  # what was written and what is said agree
    last = started(job.id, tmp_path)
    assert last.wait() == 0

    assert job_of().state == "done"
    assert image() == undisturbed
    assert reembed_status(ref=NEW).complete
    with scope.system():
        assert backend().count(table=TABLES[NEW]) == SEGMENTS
    told = LedgerPending.objects.filter(event="models:reembed:finish")
    assert [entry.refs["job"] for entry in told].count(str(job.id)) == 1
