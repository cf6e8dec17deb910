"""Literal matching: what a search finds by its words, whose words those are, and when they go."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from accounts.services.tokens import token_create
from retrieval import scope
from retrieval.errors import Invalid
from retrieval.lexical.store import assets_delete, assets_show, words_search
from retrieval.lexical.words import question_of
from retrieval.models import Segment
from retrieval.services.assets import asset_delete
from retrieval.services.indexing import assets_unindex, words_index
from retrieval.vectors.base import AssetFilter
from tests.factories import grant, make_collection, make_user
from tests.retrieval.search.conftest import found, nothing_hidden

pytestmark = pytest.mark.django_db


class Shelf:
    """``reader`` reads ``mine`` and nothing of ``hidden``; all vectors lie far from any query."""

    def __init__(self, world):
        self.world = world
        self.mine, self.hidden = make_collection("shelf"), make_collection("locked")
        self.reader = make_user("librarian")
        grant(self.mine, self.reader)

    def put(self, *texts, collection=None, modality="text", **fields):
        """An asset with a segment for each text, its words written as ingestion does."""
        far = self.world.vector("nothing of the kind", near=0.0)
        places = [far] * max(1, len(texts))
        asset = self.world.put(collection or self.mine, *places, modality=modality, **fields)
        with scope.system():
            for number, text in enumerate(texts):
                Segment.objects.filter(asset=asset, ordinal=number).update(text=text)
            words_index(asset_id=asset.pk)
        return asset

    def ask(self, text, **request):
        return self.world.ask(self.reader, text, **request)


@pytest.fixture
def shelf(world):
    return Shelf(world)


def words_of(hit):
    [signal] = [one for one in hit.influence.signals if one.space == "lexical"]
    return signal


def test_a_code_is_found_confidently_and_says_so(shelf):
    shelf.put("Pump AB-1235 was serviced in spring.")
    wanted = shelf.put("The valve of pump AB-1234 leaks.")
    answer = shelf.ask("ab-1234")
    assert found(answer) == [wanted.id]
    assert answer.confident
    signal = words_of(answer.hits[0])
    assert (signal.model, signal.similarity, signal.target_modality) == (None, 1.0, "text")
    told = answer.as_json()["hits"][0]["influence"]["signals"]
    assert {signal["space"]: signal["model"] for signal in told}["lexical"] is None


@pytest.mark.parametrize(
    ("language", "text", "asked"),
    [
        ("en", "Two dogs were running along the beach", "dog runs beach"),
        ("de", "Die Hunde liefen über die Straße", "hund STRASSE"),
        ("fr", "Une école près de la forêt", "ecole foret"),
        ("", "Łódź i Kraków", "krakow łódź"),
        ("ja", "東京タワーの夜景", "東京タワー"),
        ("zh", "一只棕色的熊在草地上", "棕色的熊"),
        ("ru", "Красные автобусы", "красный автобус"),
        ("hi", "हिन्दी में खोज", "हिन्दी खोज"),
        ("en", "Invoice 2024/0017 over 1,234.50", "2024/0017"),
        ("en", "Invoice 2024/0017 over 1,234.50", "1234.50"),
        ("en", "Tank AB 1234 on 10 km", "AB-1234 10km"),
        ("en", "send an e-mail", "email"),
    ],
)
def test_words_match_in_their_forms(shelf, language, text, asked):
    wanted = shelf.put(text, language=language)
    shelf.put("Something else is written here", language=language)
    assert found(shelf.ask(asked, include_uncertain=True, weights={"fake": 0})) == [wanted.id]


@pytest.mark.parametrize(
    "asked",
    [
        "the of and",
        "der die das",
        "🐻🎉",
        "?!",
        "qzxv wpfk jjyt",
        "' | & ! ( ) :* <-> \\",
        "<PERSON_1>",
        "%s %b {} $1",
    ],
)
def test_what_says_nothing_matches_nothing(shelf, asked):
    shelf.put("The bear and the cub of the woods <PERSON_1> der die das", title="bear")
    answer = shelf.ask(asked, include_uncertain=True)
    assert not any(s.space == "lexical" for hit in answer.hits for s in hit.influence.signals)
    assert not answer.confident


@pytest.mark.parametrize("modality", ["image", "audio", "text"])
def test_a_title_finds_its_asset_under_its_own_modality(shelf, modality):
    wanted = shelf.put(title="Rooster at the school", modality=modality)
    for other in {"image", "audio", "text"} - {modality}:
        assert shelf.ask("rooster school", modalities=[other]).hits == []
    [hit] = shelf.ask("rooster school", modalities=[modality]).hits
    assert hit.asset.id == wanted.id
    assert words_of(hit).target_modality == modality


def test_words_of_others_change_nothing(shelf):
    wanted = [shelf.put(f"A rooster crows at number {n}") for n in range(3)]
    before = shelf.ask("rooster crows", weights={"fake": 0}).as_json()["hits"]
    for n in range(12):
        shelf.put(f"rooster crows {n}", title="rooster crows", collection=shelf.hidden)
    after = shelf.ask("rooster crows", weights={"fake": 0})
    assert after.as_json()["hits"] == before
    assert set(found(after)) == {one.id for one in wanted}
    assert str(shelf.hidden.id) not in str(after.as_json())


def test_the_function_is_a_barrier_of_its_own(shelf):
    secret = shelf.put("The rooster crows", collection=shelf.hidden)
    question = {"question": question_of("rooster"), "modalities": ["text"], "assets": 5}
    asked = question | {"collections": [shelf.mine.id, shelf.hidden.id], "least": 0.4}
    with scope.user(shelf.reader.pk):
        assert words_search(**asked) == []
        assert words_search(**asked, also=[secret.id]) == []
    with scope.user(None):
        assert words_search(**asked) == []
    with scope.system():
        assert [one.asset_id for one in words_search(**asked)] == [secret.id]


def test_words_go_with_their_asset(shelf):
    asset = shelf.put("The rooster crows")
    assert found(shelf.ask("rooster crows")) == [asset.id]
    with scope.system():
        assert assets_show(asset_ids=[asset.pk], searchable=False) == 1
    assert shelf.ask("rooster crows").hits == []
    with scope.system():
        assets_show(asset_ids=[asset.pk], searchable=True)
        assert found(shelf.ask("rooster crows")) == [asset.id]
        assets_unindex(asset_ids=[asset.pk])
    assert shelf.ask("rooster crows", include_uncertain=True).hits == []


def test_what_was_searchable_before_words_were_kept_gets_them(shelf, capsys):
    asset = shelf.put("The rooster crows", title="Rooster")
    with scope.system():
        assets_delete(asset_ids=[asset.pk])
    assert shelf.ask("rooster crows").hits == []
    call_command("words")
    assert capsys.readouterr().out == "1 assets got their words.\n"
    assert found(shelf.ask("rooster crows")) == [asset.id]


def test_a_deleted_asset_leaves_no_word(shelf):
    asset = shelf.put("The rooster crows", title="Rooster")
    curator = make_user("curator")
    grant(shelf.mine, curator, role="curator")
    asset_delete(user=curator, asset_id=asset.pk)
    with scope.system():
        assert assets_show(asset_ids=[asset.pk], searchable=True) == 0


def test_words_written_anew_replace_those_of_before(shelf):
    asset = shelf.put("The rooster crows", "The hen clucks")
    with scope.system():
        Segment.objects.filter(asset=asset, ordinal=1).delete()
        Segment.objects.filter(asset=asset).update(text="A goose hisses")
        words_index(asset_id=asset.pk)
    for gone in ("rooster crows", "hen clucks"):
        assert shelf.ask(gone, weights={"fake": 0}).hits == []
    assert found(shelf.ask("goose hisses")) == [asset.id]


def test_filters_and_the_number_wanted_hold_for_words_too(shelf):
    kept = shelf.put("The rooster crows", source="farm", metadata={"pen": 3})
    shelf.put("The rooster crows", source="town")
    for where in (AssetFilter(source="farm"), AssetFilter(metadata={"pen": 3})):
        assert found(shelf.ask("rooster", filters=where)) == [kept.id]
    assert len(shelf.ask("rooster", top_k=1).hits) == 1
    assert len(shelf.ask("rooster", top_k=2).hits) == 2


def test_one_asset_fills_no_list(shelf):
    many = shelf.put(*[f"The rooster crows in yard {n}" for n in range(50)])
    one = shelf.put("A rooster crows loudly once in the long grey morning over there")
    answer = shelf.ask("rooster crows", top_k=2, weights={"fake": 0}, include_uncertain=True)
    assert found(answer) == [many.id, one.id]
    assert answer.hits[0].more_segments == 19


def test_weights_switch_words_off_and_everything_else(shelf):
    asset = shelf.put("The rooster crows")
    assert shelf.ask("rooster crows", weights={"lexical": 0}).hits == []
    assert found(shelf.ask("rooster crows", weights={"fake": 0})) == [asset.id]
    with pytest.raises(Invalid):
        shelf.ask("rooster crows", weights={"lexical": 0, "fake": 0})


def test_a_composed_query_matches_no_words(shelf):
    other = shelf.put("Something else", title="other")
    asset = shelf.put("The rooster crows")
    answer = shelf.ask("rooster crows", asset=other.id, include_uncertain=True)
    assert not any(s.space == "lexical" for hit in answer.hits for s in hit.influence.signals)
    assert asset.id in found(answer)


def test_what_is_near_and_holds_the_words_is_told_so_however_many_hold_them(shelf):
    """More assets match alike than are asked for; the near one is the last of them."""
    for n in range(6):
        shelf.put(f"rooster {n}")
    near = shelf.world.put(shelf.mine, shelf.world.vector("rooster", near=0.9), modality="text")
    with scope.system():
        Segment.objects.filter(asset=near).update(text="A rooster in a much longer story of a farm")
        words_index(asset_id=near.pk)
    [hit] = shelf.ask("rooster", top_k=1).hits
    assert hit.asset.id == near.id
    assert {signal.space for signal in hit.influence.signals} == {"fake", "lexical"}


def test_over_rest_with_another_tenant(shelf, holdings, client):
    token = token_create(user=shelf.reader).token
    shelf.put("The rooster crows")
    shelf.put("rooster", collection=holdings.hidden)
    body = {"text": "rooster crows", "weights": {"lexical": 1}}
    answer = client.post(
        "/api/v1/search/",
        body,
        content_type="application/json",
        headers={"authorization": f"Token {token}"},
    )
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["hits"]) == 1
    assert str(holdings.hidden.id) not in answer.content.decode()
    assert nothing_hidden(shelf.ask("rooster crows"), holdings)
