"""In which order workers are given what waits, asked of the real Redis."""

from __future__ import annotations

import os
from functools import partial
from uuid import uuid4

import pytest
import redis
from celery import current_app

from deploy.env import celery_broker_url
from retrieval import queue


@pytest.fixture
def broker(monkeypatch):
    """A connection to a Redis database of the test's own, to which every message goes."""
    url = os.environ["REDIS_URL"]
    own = url.replace("db=0", "db=8") if "db=" in url else url.rsplit("/", 1)[0] + "/8"
    client = redis.Redis.from_url(own)
    client.flushdb()
    with current_app.connection(celery_broker_url(own)) as connection:
        send = partial(current_app.send_task, connection=connection)
        monkeypatch.setattr(current_app, "send_task", send)
        yield connection
    client.flushdb()
    client.close()


def taken(broker, name):
    """Names of the waiting tasks of one queue, in the order a worker takes them."""
    channel = broker.default_channel
    found = []
    while (message := channel.basic_get(name, no_ack=True)) is not None:
        found.append(message.headers["task"].rpartition(".")[2])
    return found


def test_what_is_under_way_is_finished_before_anything_is_begun(broker):
    for stage in ("redact", "redact", "verify", "embed", "redact", "verify", "embed"):
        assert queue.enqueue(stage=stage, asset_id=uuid4())
    order = taken(broker, queue.INGEST_QUEUE)
    assert order == ["embed", "embed", "verify", "verify", "redact", "redact", "redact"]


def test_background_work_is_no_message_that_goes_before_an_upload(broker):
    assert queue.enqueue_reembed(job_id=uuid4())
    assert queue.enqueue(stage="redact", asset_id=uuid4())
    head = broker.default_channel.basic_get(queue.REEMBED_QUEUE, no_ack=True)
    first = broker.default_channel.basic_get(queue.INGEST_QUEUE, no_ack=True)
    assert head.properties["priority"] == first.properties["priority"]
