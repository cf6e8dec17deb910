"""The task of a re-embedding: one stretch, and the message for the next one."""

from __future__ import annotations

import uuid

import pytest

from retrieval import queue
from retrieval.services.reembed_run import Next
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
    queue.reembed_arrived(JOB)


@pytest.mark.parametrize(
    ("answer", "tries", "expected"),
    [
        (None, 0, []),
        (Next(0.0), 0, [("workers.tasks.reembed", [str(JOB), 0], "reembed", 0.0)]),
        (Next(0.0), 5, [("workers.tasks.reembed", [str(JOB), 0], "reembed", 0.0)]),
        (Next(10.0), 1, [("workers.tasks.reembed", [str(JOB), 2], "reembed", 10.0)]),
    ],
)
def test_a_stretch_is_followed_by_the_next_message(monkeypatch, messages, answer, tries, expected):
    asked = []
    monkeypatch.setattr(tasks, "reembed_run", lambda **asks: (asked.append(asks), answer)[1])
    tasks.reembed.run(str(JOB), tries)
    assert asked == [{"job_id": JOB, "tries": tries}]
    assert messages == expected
    assert queue.reembed_queued(JOB) is bool(expected)


def test_a_job_that_is_gone_is_a_clean_end(db, messages):
    tasks.reembed.run(str(uuid.uuid4()))
    assert messages == []
