"""``manage.py models reembed`` and ``progress``."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from retrieval.services.reembed import reembed_pause
from tests.factories import make_collection
from tests.retrieval.reembed.conftest import NEW, POISON, job_of, put_text, run

pytestmark = pytest.mark.django_db


def say(*arguments: str) -> str:
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def collection(models):
    return make_collection()


def test_it_starts_and_leaves_the_work_to_the_workers(collection):
    put_text(collection, "a", "b")
    assert "0/2 (0 %)" in say("reembed", NEW)
    assert job_of().state == "running"
    assert "running" in say("progress")
    assert "vectors are missing" in say("progress", NEW)


def test_here_it_works_itself_until_it_is_done(collection):
    put_text(collection, "a", "b")
    told = say("reembed", NEW, "--here")
    assert "done       2/2 (100 %)" in told
    assert f"models promote {NEW}" in told
    assert "every segment has its vector" in say("progress", NEW)


def test_waiting_tells_when_the_workers_are_done(collection, monkeypatch):
    put_text(collection, "a")
    monkeypatch.setattr("time.sleep", lambda _: run())
    told = say("reembed", NEW, "--wait")
    assert "running    0/1" in told
    assert "done       1/1" in told


def test_pause_resume_cancel(collection):
    put_text(collection, "a")
    say("reembed", NEW)
    assert "paused" in say("reembed", NEW, "--pause")
    assert "done" in say("reembed", NEW, "--resume", "--here")
    say("reembed", NEW)
    assert "cancelled" in say("reembed", NEW, "--cancel")


def test_a_job_that_fails_ends_the_command_with_the_reason(collection):
    bad = put_text(collection, POISON.decode())
    with pytest.raises(CommandError, match="assets-left-out"):
        say("reembed", NEW, "--here")
    told = say("progress", NEW)
    assert f"left out: asset {bad.pk} (unfit)" in told
    assert POISON.decode() not in told


def test_one_that_was_paused_meanwhile_ends_the_waiting(collection, monkeypatch):
    put_text(collection, "a")
    monkeypatch.setattr("time.sleep", lambda _: reembed_pause(ref=NEW, by=None))
    assert "paused" in say("reembed", NEW, "--wait")


def test_what_is_not_there_is_said_in_a_sentence():
    with pytest.raises(CommandError, match="No such model"):
        say("reembed", "fake@9")
    with pytest.raises(CommandError):
        say("reembed", NEW, "--pause")
    with pytest.raises(CommandError):
        say("progress", "fake@9")
    assert "No re-embedding was begun" in say("progress")
