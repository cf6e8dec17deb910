"""The pages offer what installed models embed, and show hits that are neither picture nor sound."""

from __future__ import annotations

import io

import pytest
from django.test import Client
from django.urls import reverse

from retrieval.models import ModelVersion, Space, VectorTable
from tests.cast import Cast
from tests.factories import make_asset
from tests.retrieval.api.conftest import people
from tests.retrieval.ingest.conftest import models, paths, redaction, sent, servers

__all__ = ["models", "paths", "people", "redaction", "sent", "servers"]
pytestmark = pytest.mark.usefixtures("servers", "sent")


def install(*modalities: str) -> None:
    model = ModelVersion.objects.create(
        name="many",
        version="1",
        space=Space.objects.create(name="many", dimension=8),
        status=ModelVersion.Status.ACTIVE,
        modalities=list(modalities),
        manifest={"towers": {word: {"input": {"rate_hz": 50}} for word in modalities}},
    )
    VectorTable.objects.create(model_version=model, table="vectors_x", dimension=8, shards=32)


@pytest.fixture
def browser(people: Cast) -> Client:
    client = Client()
    client.force_login(people.curator)
    return client


def page(browser: Client, name: str, *arguments: object) -> str:
    answer = browser.get(reverse(name, args=arguments))
    assert answer.status_code == 200
    return answer.content.decode()


def test_pages_offer_other_modalities_only_where_a_model_embeds_them(browser: Client) -> None:
    install("text", "image")
    for name in ("web:search", "web:upload"):
        assert "npy" not in page(browser, name)
    ModelVersion.objects.update(modalities=["text", "image", "depth"])
    assert 'name="modalities" value="depth"' in page(browser, "web:search")
    assert 'name="file_modality"' in page(browser, "web:search")
    assert '<option value="depth">depth</option>' in page(browser, "web:upload")


def test_an_asset_of_another_modality_shows_as_its_picture(browser: Client, people: Cast) -> None:
    asset = make_asset(
        people.collection, modality="depth", rendition=b"numbers", thumbnail=b"tiny", title="Room"
    )
    shown = page(browser, "web:asset", asset.pk)
    assert f'src="/api/v1/assets/{asset.pk}/thumbnail/"' in shown
    assert "Depth of Room" in shown


def test_one_choice_of_modality_is_meant_for_the_arrays_among_many_files(
    browser: Client, people: Cast
) -> None:
    from retrieval import scope
    from retrieval.models import Asset
    from retrieval.services.description import description_read

    install("text", "depth")
    said = {}
    for name in ("note.txt", "room.npy"):
        file = io.BytesIO(name.encode())
        file.name = name
        form = {"collection": str(people.collection.pk), "file": file, "modality": "depth"}
        assert browser.post(reverse("web:upload"), form).status_code == 200
        with scope.system():
            asset = Asset.objects.latest("created_at")
        said[name] = description_read(asset_id=asset.pk).modality
    assert said == {"note.txt": "", "room.npy": "depth"}
