"""The task that redacts a collection anew: one stretch, and the message for the next one."""

from __future__ import annotations

import uuid

import pytest

from retrieval import queue
from retrieval.services.reredaction_run import Again
from workers import tasks

JOB = uuid.uuid4()


@pytest.fixture
def messages(monkeypatch):
    """What was sent: task, arguments, queue, countdown."""
    from celery import current_app

    sent = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda name, args, *, queue, countdown, **_: sent.append((name, args, queue, countdown)),
    )
    yield sent
    queue.reredact_arrived(JOB)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, []),
        (Again(0.0), [("workers.tasks.reredact", [str(JOB)], "housekeeping", 0.0)]),
        (Again(1.0), [("workers.tasks.reredact", [str(JOB)], "housekeeping", 1.0)]),
    ],
)
def test_a_stretch_is_followed_by_the_next_message(monkeypatch, messages, answer, expected):
    asked = []
    monkeypatch.setattr(tasks, "reredact_run", lambda **asks: (asked.append(asks), answer)[1])
    tasks.reredact.run(str(JOB))
    assert asked == [{"job_id": JOB}]
    assert messages == expected
    assert queue.reredact_queued(JOB) is bool(expected)


def test_a_run_that_is_gone_is_a_clean_end(db, messages):
    tasks.reredact.run(str(uuid.uuid4()))
    assert messages == []
