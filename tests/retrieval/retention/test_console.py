"""The console's pages on retention and holds: asked, shown, done once, and only one's own."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import clock
from audit.clock import Moment, clock_check
from audit.hold_models import LegalHold, RetentionPause
from audit.models import RetentionPolicy
from retrieval import scope
from retrieval.services.purge import purge
from tests.factories import grant, make_asset, make_collection, make_policy, make_user

pytestmark = pytest.mark.django_db
RULE = {"what": "rendition", "after_days": 30}


@pytest.fixture
def here(paths):
    policy = make_policy(RULE)
    mine = make_collection("Letters", retention_policy=policy)
    theirs = make_collection("Board papers", retention_policy=policy)
    old = timezone.now() - timedelta(days=31)
    assets = [make_asset(one, created_at=old, title="Title") for one in (mine, theirs)]
    soon = timezone.now() - timedelta(days=20)
    make_asset(mine, created_at=soon)
    make_asset(theirs, created_at=soon)
    people = {
        "steward": make_user("stella", is_staff=True),
        "governor": make_user("gwen", is_staff=True, is_governor=True),
        "second": make_user("greta", is_staff=True, is_governor=True),
        "reader": make_user("rita", is_staff=True),
    }
    grant(mine, people["steward"], "steward")
    grant(mine, people["reader"])
    return {"mine": mine, "theirs": theirs, "assets": assets, "policy": policy, **people}


def as_(user):
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def confirmed(client, path, body):
    """Both steps of a question; the first answer's page, and the second answer."""
    shown = client.post(path, body)
    text = shown.content.decode()
    assert shown.status_code == 200, text
    assert 'name="token"' in text, text
    token = text.split('name="token" value="')[1].split('"')[0]
    return text, client.post(path, {**body, "token": token})


def test_a_hold_is_placed_and_released_by_another(here):
    place = reverse("admin:audit_legalhold_place")
    body = {"what": "asset", "which": str(here["assets"][0].pk), "reason": "a case"}
    text, done = confirmed(as_(here["steward"]), place, body)
    assert "What it keeps" in text
    assert "Title" not in text  # a steward governs without reading
    assert done.status_code == 302
    with scope.system():
        hold = LegalHold.objects.get()
    assert (hold.asset, hold.home) == (here["assets"][0].pk, here["mine"].pk)
    release = reverse("admin:audit_legalhold_release", args=[hold.pk])
    own = as_(here["steward"]).post(release, {"reason": "over"})
    assert "somebody else has to release it" in own.content.decode()
    _, done = confirmed(as_(here["governor"]), release, {"reason": "over"})
    assert done.status_code == 302
    with scope.system():
        assert LegalHold.objects.get().state == "released"


def test_what_is_not_ones_own_cannot_be_held_or_seen(here):
    place = reverse("admin:audit_legalhold_place")
    steward = as_(here["steward"])
    hidden = {"what": "asset", "which": str(here["assets"][1].pk), "reason": "a case"}
    assert steward.post(place, hidden).status_code == 404
    nothing = {**hidden, "which": "6fd8e1d4-3f1b-4c1e-9f51-0f1d3a6b7c80"}
    assert steward.post(place, nothing).status_code == 404
    subject = {**hidden, "what": "subject"}
    assert "Select a valid choice" in steward.post(place, subject).content.decode()
    _, done = confirmed(as_(here["governor"]), place, hidden)
    assert done.status_code == 302
    with scope.system():
        hold = LegalHold.objects.get()
    listed = reverse("admin:audit_legalhold_changelist")
    assert "a case" not in steward.get(listed).content.decode()
    assert "a case" in as_(here["governor"]).get(listed).content.decode()
    shown = steward.get(reverse("admin:audit_legalhold_change", args=[hold.pk]))
    assert shown.status_code in (302, 404)
    assert as_(here["reader"]).get(listed).status_code in (302, 403)


def rows(*rules):
    body = {}
    for number, rule in enumerate(rules):
        for part in ("what", "modality", "state", "days"):
            body[f"rule{number}_{part}"] = rule.get(part, "")
    return body


def test_a_policy_is_written_in_rows_and_says_what_falls_due_at_once(here):
    new = reverse("admin:audit_retentionpolicy_new")
    raw = {"what": "raw", "modality": "audio", "days": 7}
    _, done = confirmed(as_(here["steward"]), new, {"name": "A week", **rows(raw)})
    assert done.status_code == 302
    made = RetentionPolicy.objects.get(name="A week")
    assert made.rules == [{"what": "raw", "modality": "audio", "after_days": 7}]
    change = reverse("admin:audit_retentionpolicy_rules", args=[here["policy"].pk])
    body = {"name": "Short", **rows({"what": "rendition", "days": 1})}
    assert as_(here["steward"]).post(change, body).status_code == 403
    text, done = confirmed(as_(here["governor"]), change, body)
    figures = dict(zip(text.split("<dt>")[1:], text.split("<dd>")[1:], strict=False))
    due = {name.split("<")[0]: value.split("<")[0] for name, value in figures.items()}
    assert (due["due by it as it is"], due["due at once by the change"]) == ("2", "4")
    assert done.status_code == 302
    here["policy"].refresh_from_db()
    assert here["policy"].rules == [{"what": "rendition", "after_days": 1}]


def test_rules_that_make_no_sense_are_said_in_the_form(here):
    new = reverse("admin:audit_retentionpolicy_new")
    wrong = rows({"what": "transcript", "modality": "text", "days": 3}, {"what": "raw"})
    answer = as_(here["steward"]).post(new, {"name": "p", **wrong})
    assert "After how many days?" in answer.content.decode()
    answer = as_(here["steward"]).post(
        new, {"name": "p", **rows({"what": "transcript", "modality": "text", "days": 3})}
    )
    assert "a text has no transcript" in answer.content.decode()
    assert RetentionPolicy.objects.count() == 1


def test_the_calendar_and_the_dry_run_tell_a_steward_of_the_own_collections_only(here):
    for name in ("console_calendar", "console_dry_run"):
        page = reverse(f"admin:{name}")
        mine = as_(here["steward"]).get(page).content.decode()
        assert "Letters" in mine
        assert "Board papers" not in mine
        assert "Board papers" in as_(here["governor"]).get(page).content.decode()
        assert as_(here["reader"]).get(page).status_code in (302, 403)
    download = as_(here["steward"]).get("/api/v1/retention/due/")
    lines = b"".join(download.streaming_content).decode().splitlines()
    assert len(lines) == 1
    assert str(here["assets"][0].pk) in lines[0]


def test_retention_is_paused_and_resumed(here):
    place = reverse("admin:audit_retentionpause_place")
    until = f"{timezone.now() + timedelta(days=3):%Y-%m-%d}"
    body = {"where": str(here["mine"].pk), "until": until, "reason": "stocktaking"}
    _, done = confirmed(as_(here["steward"]), place, body)
    assert done.status_code == 302
    everything = {**body, "where": "everything"}
    refused = as_(here["steward"]).post(place, everything)
    assert "Select a valid choice" in refused.content.decode()
    confirmed(as_(here["governor"]), place, everything)
    assert "Paused" in as_(here["steward"]).get(reverse("admin:console_calendar")).content.decode()
    assert purge().rendition == 0
    with scope.system():
        own = RetentionPause.objects.get(collection=here["mine"].pk)
        whole = RetentionPause.objects.get(collection=None)
    end = reverse("admin:audit_retentionpause_end", args=[whole.pk])
    assert "a governor ends it" in as_(here["steward"]).get(end).content.decode()
    confirmed(as_(here["governor"]), end, {})
    assert purge().rendition == 1
    own_end = reverse("admin:audit_retentionpause_end", args=[own.pk])
    confirmed(as_(here["steward"]), own_end, {})
    assert purge().rendition == 1


def test_a_report_tells_stewards_of_their_collections(here):
    purge()
    listed = reverse("admin:audit_purgerun_changelist")
    assert "2 whole assets" in as_(here["governor"]).get(listed).content.decode()
    mine = as_(here["steward"]).get(listed).content.decode()
    assert "1 whole assets" in mine
    with scope.system():
        from audit.hold_models import PurgeRun

        run = PurgeRun.objects.get()
    page = as_(here["steward"]).get(reverse("admin:audit_purgerun_change", args=[run.pk]))
    text = page.content.decode()
    assert "Letters" in text
    assert "Board papers" not in text


def test_the_clock_is_confirmed_on_its_page(here):
    page = reverse("admin:console_clock")
    assert "Nothing is wrong" in as_(here["governor"]).get(page).content.decode()
    clock_check()
    right = clock.moment()
    ahead = Moment(right.at + timedelta(days=40), "another start", 5.0)
    with pytest.raises(clock.ClockImplausible):
        clock_check(now=ahead)
    assert "not to be trusted" in (
        as_(here["steward"]).get(reverse("admin:console_calendar")).content.decode()
    )
    assert as_(here["steward"]).get(page).status_code == 403
    _, done = confirmed(as_(here["governor"]), page, {})
    assert done.status_code == 302
    assert clock.clock_alarm() is None
