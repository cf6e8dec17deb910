"""The page of results without scripts: forms that say all they need to."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from retrieval import scope
from retrieval.feedback_models import Feedback
from tests.factories import grant, make_collection
from tests.retrieval.search.conftest import fake_calibration, fake_table, holdings, paths, world

__all__ = ["fake_calibration", "fake_table", "holdings", "paths", "world"]
RUN = reverse("web:run")


@pytest.fixture
def browser(holdings):
    client = Client()
    client.force_login(holdings.reader)
    return client


def forms(page: str, action: str) -> list[dict[str, str]]:
    """Hidden fields of each form that goes to ``action``."""
    found = re.findall(rf'<form[^>]*action="{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    fields = r'<input type="hidden" name="([^"]+)" value="([^"]*)"'
    return [dict(re.findall(fields, form)) for form in found]


def test_uncertain_hits_come_by_a_form_that_asks_the_same_again(browser, holdings):
    asked = {
        "text": "bear",
        "modalities": "image",
        "collections": str(holdings.mine.id),
        "captured_after": "2020-01-01",
    }
    page = browser.post(RUN, asked).content.decode()
    assert "No confident match" in page  # nothing here has a date
    again = next(form for form in forms(page, RUN) if form.get("text") == "bear")
    again.pop("csrfmiddlewaretoken", None)
    assert again == asked
    del again["captured_after"]
    page = browser.post(RUN, again | {"include_uncertain": "1"}).content.decode()
    assert "1 match<" in page
    assert "probably not right" in page  # the far picture, uncertain
    assert "Show uncertain hits" not in page


def test_a_thumb_is_a_form_that_leads_to_the_record(browser, holdings):
    page = browser.post(RUN, {"text": "bear"}).content.decode()
    action = re.search(r'action="(/searches/[^"]+/feedback/)"', page).group(1)
    assert {form["rank"] for form in forms(page, action)} == {"0", "1", "2", "3"}
    answer = browser.post(action, {"rank": "2", "say": "wrong"})
    assert answer.status_code == 302
    assert answer["Location"] == action.removesuffix("feedback/")
    assert browser.get(answer["Location"]).status_code == 200
    with scope.system():
        assert list(Feedback.objects.values_list("rank", "relevant")) == [(2, False)]
    for said in ({"rank": "2", "say": "maybe"}, {"rank": "", "say": "right"}):
        assert browser.post(action, said).status_code == 400
    assert browser.post(action, {"rank": "9", "say": "right"}).status_code == 404
    other = Client()
    other.force_login(holdings.outsider)
    assert other.post(action, {"rank": "2", "say": "right"}).status_code == 404


def test_more_like_a_hit_in_another_modality_and_with_words(browser, holdings):
    like = {"asset": str(holdings.picture.id), "text": "bear", "modalities": "audio"}
    page = browser.post(RUN, like | {"include_uncertain": "1"}).content.decode()
    assert "Like “A bear”, and “bear”" in page
    assert 'class="hit of-audio"' in page
    assert 'class="hit of-image"' not in page
    hidden = {"asset": str(holdings.secret[0].id)}
    assert browser.post(RUN, hidden).status_code == 404


def test_words_asked_for_are_marked_and_a_broken_date_is_said(browser, holdings):
    page = browser.post(RUN, {"text": "line", "include_uncertain": "1"}).content.decode()
    assert "<mark>line</mark> 0" in page
    assert browser.post(RUN, {"text": "x", "captured_after": "soon"}).status_code == 400


def test_many_collections_are_a_list_that_narrows(browser, holdings):
    for number in range(13):
        grant(make_collection(f"No. {number}"), holdings.reader)
    page = browser.get(reverse("web:search")).content.decode()
    assert "In all 14 collections" in page
    assert page.count('name="collections"') == 14
    assert not re.search(r'name="collections"[^>]*checked', page)
