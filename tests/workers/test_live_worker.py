"""A worker is killed with everything it held and the whole queue: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from urllib.parse import quote

import pytest
import redis
from django.db import connection

from audit import actors
from audit.keystore import default_keystore
from audit.models import LedgerPending
from deploy.paths import ROOT, Paths
from retrieval import scope
from retrieval.models import Asset, Segment
from retrieval.services.ingest import asset_upload
from retrieval.uploads import upload_from
from retrieval.vectors import backend, ddl
from tests.factories import make_collection, make_model

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

TABLE = "vectors_live_test"
ASSETS = 8


@pytest.fixture
def data(tmp_path, settings):
    settings.PATHS = Paths(tmp_path)
    default_keystore.cache_clear()
    actors._known.clear()
    yield tmp_path
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture
def broker():
    """A Redis database of the test's own, on the server the tests use."""
    url = os.environ["REDIS_URL"]
    own = url.replace("db=0", "db=9") if "db=" in url else url.rsplit("/", 1)[0] + "/9"
    client = redis.Redis.from_url(own)
    client.flushdb()
    yield own
    client.flushdb()
    client.close()


@pytest.fixture
def start(data, broker, settings):
    """Starts a worker in a process group of its own."""
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
        "REDIS_URL": broker,
        "DJANGO_SETTINGS_MODULE": "deploy.settings",
        "PYTHONPATH": str(ROOT),
    }
    started = []

    def run(prepare_seconds):
        log = (data / f"worker{len(started)}.log").open("wb")
        process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tests/workers/live_worker.py"),
                str(prepare_seconds),
                *[
                    "worker",
                    "--concurrency",
                    "2",
                    "-n",
                    "live@%h",
                    "-Q",
                    "ingest,housekeeping",
                    "-l",
                    "INFO",
                ],
            ],
            env=env,
            cwd=data,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def states():
    with scope.system():
        return Counter(Asset.objects.values_list("state", flat=True))


def until(condition, what, seconds=120):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"{what}: {dict(states())}"
        time.sleep(0.1)


def claimed():
    with scope.system():
        return Asset.objects.filter(claim__isnull=False).count()


def test_a_killed_worker_loses_and_doubles_nothing(data, broker, start, monkeypatch):
    from celery import current_app

    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)  # every message is lost
    ddl.create_table(table=TABLE, dimension=8)
    make_model(table=TABLE)
    collection = make_collection()
    for number in range(ASSETS):
        text = f"canary-4711 line {number}\nmail a{number}@b.org".encode()
        upload = upload_from(iter([text]), name=f"{number}.txt")
        asset_upload(user=None, collection_id=collection.pk, upload=upload)

    first = start(1.0)
    until(lambda: states()["received"] < ASSETS - 2 and claimed() == 2, "nothing began")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = states()
    assert claimed() >= 1
    assert before["searchable"] < ASSETS
    redis.Redis.from_url(broker).flushdb()

    start(0.05)
    until(lambda: states()["searchable"] == ASSETS, "not all came to rest")

    with scope.system():
        assert Segment.objects.count() == 2 * ASSETS
        assert backend().count(table=TABLE) == 2 * ASSETS
        assert not Asset.objects.filter(claim__isnull=False).exists()
    told = Counter(LedgerPending.objects.values_list("event", flat=True))
    assert told == {f"ingest:asset:{e}": ASSETS for e in ("upload", "redact", "verify", "embed")}
    logs = b"".join(path.read_bytes() for path in data.glob("*.log"))
    assert b"succeeded" in logs
    for content in (b"canary", b"b.org", b"line 1"):
        assert content not in logs
