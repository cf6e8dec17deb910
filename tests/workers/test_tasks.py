"""The tasks as Celery runs them, without a broker: retries, errors, and what reaches a log."""

import logging
import subprocess
import sys
import threading
from uuid import uuid4

import pytest
from celery.exceptions import Retry
from django.db import OperationalError, connection

from retrieval.services.stages import Again, StageCrashed
from workers import schedule, tasks
from workers.singleton import alone


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(tasks.queue, "retried", lambda *_, **__: None)
    monkeypatch.setattr(tasks, "close_old_connections", lambda: None)


@pytest.fixture
def requeued(monkeypatch):
    """Seconds of every retry asked for."""
    waits = []

    def retry(self, *, countdown, exc=None):
        waits.append(countdown)
        return Retry(when=countdown)

    monkeypatch.setattr(tasks.QuietTask, "retry", retry)
    return waits


def stage_that(monkeypatch, outcome):
    def run(*, stage, asset_id):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(tasks, "stage_run", run)


@pytest.mark.parametrize("name", ["redact", "verify", "embed"])
def test_a_stage_s_task_calls_its_stage_with_the_id(monkeypatch, name):
    called = []
    monkeypatch.setattr(tasks, "stage_run", lambda **given: called.append(given))
    asset_id = uuid4()
    getattr(tasks, name)(str(asset_id))
    assert called == [{"stage": name, "asset_id": asset_id}]


def test_what_cannot_be_done_now_comes_again(monkeypatch, requeued):
    stage_that(monkeypatch, Again(30.0))
    with pytest.raises(Retry):
        tasks.redact(str(uuid4()))
    assert requeued == [30.0]


def test_an_outage_is_asked_about_more_and_more_rarely(monkeypatch, requeued):
    stage_that(monkeypatch, Again(2.0))
    for retries in (0, 1, 2, 10, 2000):
        tasks.redact.push_request(retries=retries)
        with pytest.raises(Retry):
            tasks.redact.run(str(uuid4()))
        tasks.redact.pop_request()
    assert requeued == [2.0, 4.0, 8.0, 30.0, 30.0]


def test_a_crashed_stage_comes_again(monkeypatch, requeued):
    stage_that(monkeypatch, StageCrashed("ValueError at somewhere:1"))
    with pytest.raises(Retry):
        tasks.redact(str(uuid4()))
    assert requeued == [2.0]


def test_a_database_that_is_down_is_tried_again(monkeypatch, requeued):
    stage_that(monkeypatch, OperationalError("connection to a@b.org failed"))
    with pytest.raises(Retry):
        tasks.redact(str(uuid4()))
    assert requeued == [2]


def test_no_exception_s_text_leaves_a_task(monkeypatch, caplog):
    stage_that(monkeypatch, ValueError("the text was canary-4711"))
    with caplog.at_level(logging.DEBUG), pytest.raises(tasks.TaskFailed) as failed:
        tasks.redact(str(uuid4()))
    assert str(failed.value) == "ValueError"
    assert failed.value.__suppress_context__
    assert failed.value.__cause__ is None
    assert "canary" not in caplog.text


def test_limits_fit_into_each_other(settings):
    from retrieval.redaction.client import INGEST_TIMEOUT_SECONDS
    from retrieval.services.claims import LEASE

    visible = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert (
        INGEST_TIMEOUT_SECONDS
        < tasks.STAGE_SOFT_SECONDS
        < tasks.STAGE_HARD_SECONDS
        < LEASE.total_seconds()
        < visible
    )


def test_every_task_is_quiet_and_every_beat_names_one():
    from celery import current_app

    current_app.loader.import_default_modules()
    ours = {name: task for name, task in current_app.tasks.items() if name.startswith("workers.")}
    assert all(isinstance(task, tasks.QuietTask) for task in ours.values())
    assert {entry["task"] for entry in schedule.BEAT_SCHEDULE.values()} <= set(ours)
    assert {f"workers.tasks.{stage}" for stage in tasks.queue.STAGES} <= set(ours)


@pytest.mark.django_db(transaction=True)
def test_two_beats_do_nothing_twice():
    seen = []

    def other():
        with alone("sweep") as first:
            seen.append(first)
        connection.close()

    with alone("sweep") as first, alone("purge") as another:
        assert first
        assert another
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [False, True]


def test_a_worker_imports_no_model_library_and_no_decoder():
    code = (
        "import django; django.setup(); import workers.tasks, workers.signals, sys\n"
        "print(sorted({'torch','spacy','onnxruntime','PIL','av','pypdfium2','soundfile','docx',"
        "'presidio_analyzer','sentence_transformers','open_clip'} & set(sys.modules)))"
    )
    env = {"DJANGO_SETTINGS_MODULE": "deploy.settings"}
    import os

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
