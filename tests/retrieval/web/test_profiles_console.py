"""Profiles and redacting anew in the console, without a browser."""

import pytest
from django.test import Client

from retrieval import scope
from retrieval.models import Collection
from retrieval.profile_models import RedactionProfile, Reredaction
from retrieval.redaction.profiles import STANDARD, STRICT
from retrieval.selectors.profiles import profile_named
from retrieval.services.profiles import profile_create
from tests.factories import make_asset, reloaded
from tests.retrieval.api.conftest import paths, people, sent

__all__ = ["paths", "people", "sent"]

PROFILES = "/console/retrieval/redactionprofile/"
COLLECTIONS = "/console/retrieval/collection/"


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def steward(people):
    return logged_in(people.steward)


def filled(answer, **changes):
    """What a browser would send back of the page's form, with changes."""
    form = answer.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {k: "" if v is None else v for k, v in {**values, **changes}.items()}


def test_the_list_says_what_each_leaves_in_and_that_nobody_measured_it(people, steward):
    page = steward.get(PROFILES).content.decode()
    for words in ("strict@2", "open@3", "faces", "not measured"):
        assert words in page
    for other in (people.searcher, people.outsider):
        assert logged_in(other).get(PROFILES).status_code in (302, 403)
    assert "Make one like it" not in logged_in(people.operator).get(PROFILES).content.decode()


def test_the_form_as_it_comes_is_the_profile_it_starts_from(steward):
    for source in (STRICT, STANDARD):
        page = steward.get(f"{PROFILES}make/?from={source.name}")
        name = f"like-{source.name}"
        saved = steward.post(
            f"{PROFILES}make/?from={source.name}", filled(page, name=name, save="1")
        )
        assert saved.status_code == 302, saved.context["form"].errors
        made = profile_named(name)
        assert (made.entities, made.image, made.audio) == (
            source.entities,
            source.image,
            source.audio,
        )


def test_changes_are_shown_before_they_are_saved(people, steward):
    steward.post(
        f"{PROFILES}make/",
        filled(steward.get(f"{PROFILES}make/"), name="ours", save="1"),
    )
    form = f"{PROFILES}ours/new-version/"
    changed = filled(
        steward.get(form), names_operator="hash", places_operator="replace", image_faces="keep"
    )
    page = steward.post(form, changed).content.decode()
    assert RedactionProfile.objects.count() == 1
    for words in ("entities.PERSON", "entities.LOCATION", "image.faces", "<ins>keep</ins>"):
        assert words in page
    assert steward.post(form, {**changed, "save": "1"}).status_code == 302
    made = profile_named("ours")
    assert (made.ref, made.entities["PERSON"].operator) == ("ours@2", "hash")
    assert made.entities["LOCATION"].threshold == 0.4
    assert "ours@1" in steward.get(f"{PROFILES}ours/").content.decode()


def test_what_cannot_be_meant_is_said_on_the_form(steward):
    page = steward.get(f"{PROFILES}make/")
    for wrong in ({"name": "standard"}, {"name": "ours", "names_review": "0.9"}, {"name": "Ours"}):
        answer = steward.post(f"{PROFILES}make/", filled(page, **{"save": "1", **wrong}))
        assert answer.status_code == 200
        assert answer.context["form"].errors
    assert not RedactionProfile.objects.exists()


def test_only_those_who_may_see_the_forms(people):
    profile_create(by=people.governor, name="ours", rules={"entities": {}, "deny": ["Heron"]})
    operator = logged_in(people.operator)
    assert operator.get(f"{PROFILES}make/").status_code == 403
    assert operator.get(f"{PROFILES}ours/new-version/").status_code == 403
    assert "Heron" not in operator.get(f"{PROFILES}ours/").content.decode()
    assert "Heron" in logged_in(people.governor).get(f"{PROFILES}ours/").content.decode()
    assert operator.get(f"{PROFILES}nobodys/").status_code == 404


def test_a_change_of_profile_offers_to_redact_anew_and_shows_what_it_would_do(
    people, steward, sent
):
    with scope.system():
        asset = make_asset(people.collection, profile_version=STANDARD.ref, raw=b"x")
        make_asset(people.collection, profile_version=STANDARD.ref, raw_state="purged")
    address = f"{COLLECTIONS}{people.collection.pk}/change/"
    fields = steward.get(address).context["adminform"].form.initial
    body = {
        "name": "Photographs",
        "description": "",
        "retention_policy": "",
        "grants-TOTAL_FORMS": 0,
    }
    body |= {"grants-INITIAL_FORMS": 0, "redaction_profile": "strict"}
    assert fields["redaction_profile"] == "standard"
    page = steward.post(address, body, follow=True).content.decode()
    with scope.system():
        assert Collection.objects.get(pk=people.collection.pk).redaction_profile == "strict"
    assert "2 stored assets were redacted by another profile" in page
    plan = f"{COLLECTIONS}{people.collection.pk}/reredact/"
    page = steward.get(plan).content.decode()
    for words in ("strict@2 takes out more", "withheld at once", "withhold_rest", "cannot"):
        assert words in page
    assert logged_in(people.outsider).get(plan).status_code in (302, 403, 404)
    assert logged_in(people.governor).post(plan, {"start": "1"}).status_code in (403, 404)
    assert steward.post(plan, {"start": "1", "withhold_rest": "1"}).status_code == 302
    with scope.system():
        job = Reredaction.objects.get()
    assert (job.total, job.withhold_rest) == (1, True)
    assert reloaded(asset).state == "searchable"  # the workers do it
    behind = steward.get("/console/retrieval/asset/?behind=1").context["cl"].result_count
    assert behind == 2
    steward.post(plan, {"cancel": "1"})
    with scope.system():
        assert Reredaction.objects.get().state == "cancelled"
