"""Actions of the console: asked for, shown first, done once."""

from __future__ import annotations

import re

import pytest
from django import forms
from django.contrib.admin import site
from django.test import Client, override_settings
from django.urls import include, path

from retrieval.admin.console import Asking, ReasonForm, asking, assets_touched
from retrieval.errors import Conflict, NotAllowed, NotVisible
from retrieval.models import Asset
from tests.factories import grant, make_asset, make_collection, make_user

pytestmark = pytest.mark.django_db
DONE: list[str] = []


class BoxForm(ReasonForm):
    """A reason, and a box to tick."""

    hard = forms.BooleanField(required=False)


class Throw(Asking):
    """Does something to every asset that can be seen."""

    title, verb, form_class = "Throw them away", "Throw", BoxForm

    def load(self):
        if "hidden" in self.request.GET:
            raise NotVisible("no")

    def touches(self, given):
        return assets_touched(self.request, list(Asset.objects.values_list("pk", flat=True)))

    def do(self, given):
        if given["reason"] == "held":
            raise Conflict("It is on hold.")
        if given["reason"] == "not mine":
            raise NotAllowed("no")
        DONE.append(given["reason"])
        return "Thrown away."


urlpatterns = [
    path("throw/", Throw.as_view(site), name="throw"),
    path("", include("deploy.urls")),
]


@pytest.fixture
def client():
    DONE.clear()
    user = make_user("stella", is_staff=True)
    collection = make_collection("Letters")
    grant(collection, user, "steward")
    for _ in range(30):
        make_asset(collection)
    made = Client()
    made.force_login(user)
    with override_settings(ROOT_URLCONF=__name__):
        yield made


def token_of(answer) -> str:
    return re.search(r'name="token" value="([^"]+)"', answer.content.decode()).group(1)


def test_it_asks_then_shows_then_does_it_once(client):
    assert b"Reason" in client.get("/throw/").content
    shown = client.post("/throw/", {"reason": "old"})
    text = shown.content.decode()
    assert "1 to 25 of 30" in text
    assert "no names" not in text
    assert DONE == []
    assert 'name="hard" value="False"' in text
    given = {"reason": "old", "hard": "False", "token": token_of(shown)}
    assert client.post("/throw/", given).status_code == 302
    assert client.post("/throw/", given).status_code == 302
    assert DONE == ["old"]


def test_other_answers_or_another_list_are_shown_again(client):
    token = token_of(client.post("/throw/", {"reason": "old"}))
    answer = client.post("/throw/", {"reason": "because", "token": token})
    assert b"has changed since you looked" in answer.content
    make_asset(make_collection("Elsewhere"))  # not hers: nothing has changed for her
    assert client.post("/throw/", {"reason": "old", "token": token}).status_code == 302
    assert DONE == ["old"]


def test_nothing_is_done_by_a_token_that_is_not_ours(client):
    for token in ("x", "", token_of(client.post("/throw/", {"reason": "old"}))[:-2]):
        assert client.post("/throw/", {"reason": "old", "token": token}).status_code == 200
    assert DONE == []


def test_an_empty_reason_is_asked_for_again(client):
    assert b"This field is required" in client.post("/throw/", {"reason": " "}).content


def test_a_refusal_is_said_and_can_be_tried_again(client):
    token = token_of(client.post("/throw/", {"reason": "held"}))
    for _ in range(2):
        answer = client.post("/throw/", {"reason": "held", "token": token})
        assert b"It is on hold." in answer.content
    token = token_of(client.post("/throw/", {"reason": "not mine"}))
    assert client.post("/throw/", {"reason": "not mine", "token": token}).status_code == 403
    assert client.get("/throw/?hidden=1").status_code == 404


def test_the_whole_list_is_downloaded(client, monkeypatch):
    monkeypatch.setattr(asking, "BATCH", 7)
    answer = client.post("/throw/", {"reason": "old", "download": "1"})
    rows = answer.getvalue().decode().splitlines()
    assert len(rows) == 31
    assert rows[0] == "Asset,Collection,Modality,State"


def test_whoever_has_nothing_to_do_here_is_sent_away(client):
    other = Client()
    other.force_login(make_user("finn"))
    assert other.get("/throw/").status_code == 302
