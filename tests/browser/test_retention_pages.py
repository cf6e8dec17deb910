"""A hold placed and a policy's rules changed in a browser: shown first, done once, by keyboard."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.hold_models import LegalHold
from audit.models import RetentionPolicy
from retrieval import scope
from tests.browser.conftest import log_in, screenshot
from tests.factories import PASSWORD, make_asset, make_collection, make_policy, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULE = {"what": "rendition", "after_days": 30}


def both(visit, name):
    for width in (1280, 390):
        visit.set_viewport_size({"width": width, "height": 900})
        screenshot(visit, f"{name}-{width}")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert visit.evaluate(wide) <= 0, f"{name} scrolls sideways at {width} px"


def test_a_hold_and_a_policy_from_the_question_to_the_deed(world, visit):
    make_user("ada", password=PASSWORD, is_staff=True, is_governor=True)
    policy = make_policy(RULE)
    letters = make_collection("Letters", retention_policy=policy)
    asset = make_asset(letters, created_at=timezone.now() - timedelta(days=20), title="Secret")
    log_in(visit)
    visit.errors.clear()
    visit.goto(reverse("admin:audit_legalhold_place") + f"?asset={asset.pk}")
    visit.get_by_label("Reason").fill("Case 17")
    visit.get_by_role("button", name="See what it would touch").press("Enter")
    assert visit.get_by_text(str(asset.pk)).first.is_visible()
    assert visit.get_by_text("Secret").count() == 0
    both(visit, "hold-shown")
    visit.get_by_role("button", name="Place the hold").press("Enter")
    assert visit.get_by_text("The hold is in force.").first.is_visible()
    with scope.system():
        assert LegalHold.objects.get().asset == asset.pk

    visit.goto(reverse("admin:audit_retentionpolicy_rules", args=[policy.pk]))
    both(visit, "policy-rules")
    visit.get_by_label("Rule 1: after days").fill("5")
    visit.get_by_role("button", name="See what it would touch").press("Enter")
    assert visit.get_by_text("kept by holds").is_visible()
    both(visit, "policy-shown")
    visit.get_by_role("button", name="Change it", exact=True).press("Enter")
    visit.wait_for_url("**/retentionpolicy/**")
    assert RetentionPolicy.objects.get().rules == [{**RULE, "after_days": 5}]

    visit.goto(reverse("admin:console_calendar"))
    assert visit.get_by_role("heading", name="By day", exact=True).is_visible()
    both(visit, "calendar")
    assert visit.errors == []
