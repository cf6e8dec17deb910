"""Warnings before a purge: once each, to the right people, and again only where a mail failed."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from audit.hold_models import RetentionWarning
from audit.holds import Held, hold_place
from audit.models import LedgerPending
from audit.pauses import pause_place
from retrieval import scope
from retrieval.services import purge_warnings
from retrieval.services.purge_warnings import warnings_give
from tests.factories import grant, make_team, make_user

pytestmark = pytest.mark.django_db
RULE = {"what": "rendition", "after_days": 30}


@pytest.fixture
def stewarded(paths, governed, aged, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    collection = governed(RULE, name="Letters")
    grant(collection, make_user(email="stella@example.org"), "steward")
    grant(collection, make_team(make_user(email="theo@example.org")), "steward")
    grant(collection, make_user(email="former@example.org"), "steward", expired=True)
    grant(collection, make_user(email="reader@example.org"), "searcher")
    grant(collection, make_user(email="gone@example.org", is_active=False), "steward")
    aged(collection, days=20)
    aged(collection, days=20)
    aged(collection, days=2)  # due in four weeks: not yet
    return collection


def test_stewards_are_told_once_of_each_day(stewarded, aged):
    assert warnings_give() == 1
    assert sorted(one.to[0] for one in mail.outbox) == ["stella@example.org", "theo@example.org"]
    assert "Letters: 2 whole assets" in mail.outbox[0].body
    with scope.system():
        given = RetentionWarning.objects.get()
    assert (given.due, given.mailed) == (2, 2)
    (entry,) = LedgerPending.objects.filter(event="retention:warning:give")
    assert entry.refs == {"collection": str(stewarded.pk)}
    assert warnings_give() == 0
    assert len(mail.outbox) == 2
    aged(stewarded, days=21)
    assert warnings_give() == 1
    assert len(mail.outbox) == 4


def test_a_mail_that_could_not_be_sent_is_sent_by_the_next_run(stewarded, monkeypatch):
    real = purge_warnings.get_connection

    def broken():
        raise ConnectionRefusedError

    monkeypatch.setattr(purge_warnings, "get_connection", broken)
    assert warnings_give() == 1
    assert mail.outbox == []
    monkeypatch.setattr(purge_warnings, "get_connection", real)
    assert warnings_give() == 0
    assert len(mail.outbox) == 2


def test_what_is_held_or_paused_or_not_wished_for_is_not_warned_of(
    stewarded, governed, aged, settings
):
    held = governed(RULE)
    aged(held, days=20)
    settings.VITRINE_PURGE_WARNING_DAYS = 0
    assert warnings_give() == 0
    settings.VITRINE_PURGE_WARNING_DAYS = 14
    with scope.system():
        hold_place(actor=None, on=Held(collection=held.pk), reason="a case")
        pause_place(
            actor=None,
            reason="audit",
            until=timezone.now() + timedelta(days=90),
            collection=stewarded.pk,
        )
    assert warnings_give() == 0
