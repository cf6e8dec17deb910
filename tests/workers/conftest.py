from __future__ import annotations

import pytest


@pytest.fixture
def sent(monkeypatch):
    """What was sent to the broker, and never arrives there: (task, asset id)."""
    from celery import current_app

    messages = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda name, args=(), **_: messages.append((name.rsplit(".")[-1], args[0])),
    )
    return messages
