"""The console's page on feedback: for stewards and governors, in figures."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from retrieval.selectors.feedback import labelled_queries
from tests.factories import make_reader, make_user


@pytest.fixture
def address(holdings):
    return f"/console/retrieval/collection/{holdings.mine.id}/feedback/"


def logged_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_figures_without_names_unless_for_a_governor(address, vote, holdings):
    vote(1, True)
    vote(3, False)
    steward = logged_in(make_reader(holdings.mine, "steward"))
    page = steward.get(address)
    assert page.status_code == 200
    text = page.content.decode()
    assert "2 hits of mine, by 1 person" in text
    assert "reader" not in text
    card = steward.get(address.replace("feedback/", "change/")).content.decode()
    assert "2 hits judged by 1 person" in card
    seen = logged_in(make_user("gov", is_governor=True)).get(address).content.decode()
    assert ">reader<" in seen
    assert "Evaluation set" not in seen  # words that people shared are the collection's
    for user, status in ((holdings.reader, 302), (holdings.outsider, 302)):
        assert logged_in(user).get(address).status_code == status
    other = make_reader(holdings.hidden, "steward")
    assert logged_in(other).get(address).status_code == 404


def test_the_evaluation_set_is_kept_there(address, holdings):
    steward = logged_in(make_reader(holdings.mine, "steward"))
    one = {"do": "add", "text": "bear at mira@example.org", "asset": str(holdings.text.id)}
    assert "1 added" in steward.post(address, one, follow=True).content.decode()
    file = SimpleUploadedFile("q.csv", f"query,asset\nriver,{holdings.sound.id}\n".encode())
    steward.post(address, {"do": "import", "file": file})
    page = steward.get(address).content.decode()
    assert "bear at &lt;EMAIL_ADDRESS_1&gt;" in page
    assert len(labelled_queries(holdings.mine.id)) == 2
    gone = page.partition('name="id" value="')[2].partition('"')[0]
    steward.post(address, {"do": "delete", "id": gone})
    assert len(labelled_queries(holdings.mine.id)) == 1
    for bad in ({"do": "add", "text": "x", "asset": "none"}, {"do": "import"}, {"do": "else"}):
        said = steward.post(address, bad, follow=True).content.decode()
        assert "Something is missing, or no id." in said
    reader = logged_in(holdings.reader)
    assert reader.post(address, one).status_code == 302
    assert len(labelled_queries(holdings.mine.id)) == 1
