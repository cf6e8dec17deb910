"""Maps of hits: for whom, of what, and until when."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from audit.models import LedgerPending, SearchRecord
from retrieval import clients, media, scope
from retrieval.models import Asset, Collection, Grant, ModelVersion, Segment
from retrieval.saliency.describe import heat_rows, picture_parts, sound_parts, text_parts
from retrieval.services.saliency import saliency_draw
from retrieval.states import State
from tests.cast import client_of
from tests.factories import grant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def answer(world, holdings):
    """Hits: a picture, a sound, a text, in this order, each with a rendition."""
    for asset, data in ((holdings.picture, b"IMG"), (holdings.sound, b"SND")):
        media.write_blob(media.Blob.RENDITION, asset.pk, data).publish()
    with scope.system():
        Asset.objects.filter(id=holdings.picture.id).update(media_type="image/webp")
        Asset.objects.filter(id=holdings.sound.id).update(media_type="audio/ogg")
    return world.ask(holdings.reader, include_uncertain=True)


def path(answer, rank=1):
    return f"/api/v1/searches/{answer.search_id}/hits/{rank}/saliency/"


def test_each_kind_of_hit_is_drawn_on_its_redacted_rendition(world, holdings, answer):
    client = client_of(holdings.reader)
    for rank, what in ((1, "image/webp"), (2, "audio/ogg"), (3, "text/plain")):
        got = client.get(path(answer, rank))
        assert (got.status_code, got["Content-Type"]) == (200, "image/png")
        assert got.content.startswith(b"\x89PNG")
        assert got["Content-Security-Policy"].startswith("sandbox")
        assert got["Cache-Control"] == "private, no-store"
        rendition, media_type, heat, spans, _ = world.redaction.drawn[-1]
        assert media_type == what
    assert (rendition, heat, spans) == (b"line 0", [[0, 255]], [(0, 4), (5, 6)])
    assert world.redaction.drawn[1][4] == (0, 10_000)
    views = LedgerPending.objects.filter(event="content:rendition:view")
    assert views.count() == 2
    assert {str(one.refs["asset"]) for one in views} == {
        str(holdings.picture.id),
        str(holdings.sound.id),
    }


def test_a_literal_match_shows_its_words(world, holdings):
    asset = world.put(holdings.mine, modality="text")
    with scope.system():
        segment = Segment.objects.create(
            asset=asset, collection=holdings.mine, modality="text", kind="chunk", ordinal=7,
            text="Two Bears and a bear.",
        )  # fmt: skip
    answer = world.ask(holdings.reader)
    SearchRecord.objects.get(id=answer.search_id).influences.filter(rank=1).update(
        asset_id=asset.pk,
        segment_id=segment.pk,
        signals=[{"space": "lexical", "model": None, "decided": True, "target_modality": "text"}],
    )
    found = saliency_draw(user=holdings.reader, search_id=answer.search_id, rank=1)
    assert (found.method, found.model, found.parts) == ("literal", None, ["Bears", "bear"])
    assert world.redaction.drawn[-1][2:4] == ([[255, 255]], [(4, 9), (16, 20)])


def test_nobody_else_and_nothing_withheld(world, holdings, answer):
    governor = make_user(is_governor=True)
    grant(holdings.mine, governor)
    assert client_of(governor).get(path(answer)).status_code == 403
    grant(holdings.mine, holdings.outsider)
    for user in (holdings.outsider, make_user(is_operator=True)):
        assert client_of(user).get(path(answer)).status_code == 404
    client = client_of(holdings.reader)
    assert client.get(path(answer, 9)).status_code == 404
    assert client.get(path(answer, 2**70)).status_code == 404
    with scope.system():
        Asset.objects.filter(id=holdings.picture.id).update(state=State.WITHHELD)
        Collection.objects.filter(id=holdings.mine.id).update(
            purposes={"search": {"consent": "required"}}
        )
    assert client.get(path(answer, 1)).status_code == 404
    assert client.get(path(answer, 2)).status_code == 404  # consent is due now
    explained = client.get(f"/api/v1/searches/{answer.search_id}/").json()
    assert {hit["withheld"] for hit in explained["hits"]} == {True}
    Grant.objects.all().delete()
    assert client.get(path(answer, 3)).status_code == 404
    assert not world.redaction.drawn


def test_once_the_query_or_the_model_is_gone_so_is_the_map(world, holdings, answer):
    client = client_of(holdings.reader)
    ModelVersion.objects.update(manifest_sha256="2" * 64)
    assert client.get(path(answer)).status_code == 410
    ModelVersion.objects.update(manifest_sha256="")
    assert client.get(path(answer)).status_code == 200
    SearchRecord.objects.update(kept_until=timezone.now() - timedelta(seconds=1))
    gone = client.get(path(answer))
    assert (gone.status_code, gone["Content-Type"]) == (410, "application/problem+json")


def test_an_erased_hit_has_no_map(world, holdings, answer):
    with scope.system():
        Asset.objects.filter(id=holdings.picture.id).delete()
    assert client_of(holdings.reader).get(path(answer)).status_code == 404


def test_servers_that_are_away_are_said_to_be(world, holdings, answer):
    client = client_of(holdings.reader)
    world.models.down = True
    away = client.get(path(answer))
    assert (away.status_code, away["Content-Type"]) == (503, "application/problem+json")
    with clients.override(models=world.models):
        world.models.down, world.redaction.down = False, True
        assert client.get(path(answer)).status_code == 503


def test_a_map_is_said_in_words():
    values = np.zeros((8, 8), np.float32)
    values[0, 7], values[7, 3], values[4, 4] = 1.0, 0.6, 0.2
    assert picture_parts(values) == ["top right", "bottom centre"]
    assert heat_rows(values)[7][3] == 153
    sound = np.zeros((6, 10), np.float32)
    sound[1, 2] = 0.3
    assert sound_parts(sound, window_ms=(5000, 15_000)) == ["7.0 to 8.0 s at 530 Hz to 1.3 kHz"]
    text = "One (bear) sleeps."
    assert text_parts(np.array([0, 2, -1]), text=text, spans=[(0, 3), (4, 10), (11, 18)]) == [
        "bear"
    ]
    assert picture_parts(-np.ones((2, 2), np.float32)) == []
    assert heat_rows(np.array([np.nan, -1.0])) == [[0, 0]]
