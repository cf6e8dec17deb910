"""A steward makes a profile, sees what would change, and redacts a collection anew."""

from __future__ import annotations

import pytest

from retrieval import scope
from retrieval.profile_models import Reredaction
from retrieval.redaction import profile_words
from retrieval.selectors.profiles import profile_named
from tests.browser.conftest import log_in, screenshot
from tests.factories import PASSWORD, grant, make_asset, make_collection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def unmeasured(tmp_path, monkeypatch):
    """Nobody has measured what profiles miss, whatever figures ship."""
    monkeypatch.setattr(profile_words, "MEASURED", tmp_path / "measured.json")
    profile_words._file.cache_clear()
    yield
    profile_words._file.cache_clear()


def test_a_steward_makes_a_profile_and_redacts_anew_by_it(world, visit, unmeasured):
    collection = make_collection("Letters")
    steward = make_user("stella", password=PASSWORD, is_staff=True)
    grant(collection, steward, "steward")
    make_asset(collection, profile_version="standard@2", raw=b"x")
    log_in(visit, "stella")
    visit.goto("/console/retrieval/redactionprofile/")
    screenshot(visit, "profiles")
    assert visit.get_by_text("not measured for this profile").count() == 3
    visit.get_by_role("link", name="Make one like it").nth(1).click()
    visit.locator("#id_name").fill("letters")
    places = visit.get_by_label("towns, countries and other places", exact=True)
    places.select_option("replace")
    visit.get_by_role("button", name="See what would change").click()
    assert visit.locator("#looked").get_by_text("entities.LOCATION").is_visible()
    screenshot(visit, "profile-form")
    visit.get_by_role("button", name="Save").click()
    visit.get_by_text("letters@1 is saved.").wait_for()
    assert profile_named("letters").entities["LOCATION"].threshold == 0.4
    screenshot(visit, "profile")
    visit.goto(f"/console/retrieval/collection/{collection.pk}/change/")
    visit.locator("#id_redaction_profile").select_option("letters")
    visit.get_by_role("button", name="Save", exact=True).click()
    visit.get_by_role("link", name="See what redacting them anew would do").click()
    screenshot(visit, "reredact")
    assert visit.get_by_text("letters@1 takes out more than standard@2 did").is_visible()
    visit.get_by_role("button", name="Redact anew").click()
    visit.get_by_text("It has begun.").wait_for()
    with scope.system():
        assert Reredaction.objects.get().total == 1
    assert [line for line in visit.errors if "404" not in line] == []
