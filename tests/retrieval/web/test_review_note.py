"""The page of an asset tells a steward, and nobody else, that it waits for a decision."""

from __future__ import annotations

import pytest
from django.test import Client

from retrieval.redaction.base import Finding
from tests.factories import PASSWORD, grant, make_asset, make_collection, make_review, make_user
from tests.retrieval.ingest.conftest import paths

__all__ = ["paths"]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "told"), [("steward", True), ("searcher", False)])
def test_a_steward_is_led_to_the_review(role, told, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user, collection = make_user(password=PASSWORD), make_collection()
    grant(collection, user, "searcher")
    grant(collection, user, role)
    asset = make_asset(collection, rendition=b"Ann saw the bear.", title="Bear")
    low = Finding(kind="PERSON", score=0.3, recognizer="names", start=0, end=3)
    review = make_review(asset, low=(low,))
    client = Client()
    client.force_login(user)
    page = client.get(f"/assets/{asset.pk}/").content.decode()
    assert "Bear" in page
    assert (f"/console/retrieval/review/{review.pk}/change/" in page) is told
