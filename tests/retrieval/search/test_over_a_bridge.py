"""A picture finds sounds, and a sound pictures, though no model embeds both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.services.tokens import token_create
from audit.models import Influence, LedgerPending, SearchRecord
from retrieval import clients, scope
from retrieval.alignment.bridge_choose import Labelled
from retrieval.bridge_models import Bridge, Gap
from retrieval.bridge_texts import Caption
from retrieval.encoders.base import unit_rows
from retrieval.encoders.client import ModelUnavailable
from retrieval.errors import Conflict, Invalid, NotVisible, Unavailable, Unprocessable
from retrieval.models import ModelVersion, Segment, Space, VectorTable
from retrieval.selectors.bridges import bridges_folder
from retrieval.services import bridges
from retrieval.services.bridge_files import bridge_read
from retrieval.services.replay import search_replay
from retrieval.services.search import SearchRequest, certainty, search_run
from retrieval.vectors import VectorRow, backend, ddl
from tests.factories import grant, make_asset, make_collection, make_user
from tests.fakes import FakeRedaction

pytestmark = pytest.mark.django_db

SEER, HEARER = "seer@1", "hearer@1"
DIMENSIONS = {SEER: 12, HEARER: 10}
OWN = {SEER: "image", HEARER: "audio"}
THINGS = 40
METHODS = ("procrustes", "ridge", "enhanced")


class TwoServed:
    """Two models that never met: things by number, each modality in a cone of its own."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self.meaning = unit_rows(rng.normal(size=(THINGS, 6)))
        self.into = {ref: np.linalg.qr(rng.normal(size=(d, d)))[0] for ref, d in DIMENSIONS.items()}
        self.shift = {
            (ref, kind): 0.8 * unit_rows(rng.normal(size=(1, d)))[0]
            for ref, d in DIMENSIONS.items()
            for kind in ("text", OWN[ref])
        }
        self.down = False

    def vector(self, ref: str, kind: str, thing: int, *, noise: int = 0) -> np.ndarray:
        """The float32 unit vector of a thing; ``noise`` tells one picture of it from another."""
        place = self.meaning[thing] @ self.into[ref][:6]
        stray = np.random.default_rng((thing, noise)).normal(size=place.shape)
        return unit_rows((place + self.shift[ref, kind] + 0.03 * stray)[None])[0]

    def bank(self, ref: str) -> dict[str, np.ndarray]:
        return {
            kind: np.stack([self.vector(ref, kind, thing, noise=9) for thing in range(THINGS)])
            for kind in ("text", OWN[ref])
        }

    def encode_text(self, ref: str, texts: Any, *, priority: str = "query") -> np.ndarray:
        self._begin()
        return np.stack([self.vector(ref, "text", _thing(text), noise=len(text)) for text in texts])

    def encode_arrays(
        self, ref: str, modality: str, arrays: Any, *, priority: str = "ingest"
    ) -> np.ndarray:
        self._begin()
        assert modality == OWN[ref]
        return np.stack(
            [
                self.vector(ref, modality, _thing(array.tobytes().decode("latin1")))
                for array in arrays
            ]
        )

    def _begin(self) -> None:
        if self.down:
            raise ModelUnavailable("not-reachable")


def _thing(text: str) -> int:
    found = re.search(r"\d\d", text)
    return int(found[0]) if found else 0


def captions() -> list[Caption]:
    return [
        Caption(f"{words} {thing:02}", f"thing {thing}", kind)
        for thing in range(THINGS)
        for kind, words in (
            ("seen", "seen"),
            ("seen", "a picture of"),
            ("heard", "hearing"),
            ("heard", "the noise of"),
        )
    ]


def labelled(served: TwoServed) -> list[Labelled]:
    def rows(ref: str, noises: range) -> np.ndarray:
        return np.stack(
            [served.vector(ref, OWN[ref], t, noise=n) for n in noises for t in range(THINGS)]
        )

    things = np.tile(np.arange(THINGS), 3)
    right = things[:, None] == things[None]
    return [Labelled("image", "audio", rows(SEER, range(3)), rows(HEARER, range(3, 6)), right)]


@pytest.fixture
def tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        for ref, dimension in DIMENSIONS.items():
            ddl.create_table(table=ddl.table_name(ref), dimension=dimension)


@pytest.fixture
def served(db, tables, monkeypatch):
    """Both models installed and in use, each with reference vectors and no calibration."""
    made = TwoServed()
    for ref, dimension in DIMENSIONS.items():
        name, version = ref.split("@")
        model = ModelVersion.objects.create(
            name=name,
            version=version,
            space=Space.objects.create(name=name, dimension=dimension),
            status=ModelVersion.Status.ACTIVE,
            modalities=["text", OWN[ref]],
            manifest={"towers": {"text": {}, OWN[ref]: {}}},
        )
        VectorTable.objects.create(
            model_version=model, table=ddl.table_name(ref), dimension=dimension, shards=1
        )

    def bank(folder: Path) -> dict[str, np.ndarray]:
        return made.bank(folder.name)

    monkeypatch.setattr("retrieval.selectors.models.bundle_folder", lambda ref, **_: Path(ref))
    monkeypatch.setattr(certainty, "load_reference", bank)
    monkeypatch.setattr(bridges, "load_reference", bank)
    certainty._banks.cache_clear()
    with clients.override(models=made, redaction=FakeRedaction()):
        yield made
    certainty._banks.cache_clear()


class Holdings:
    """Sounds and pictures that ``reader`` reads, and better ones that nobody does."""

    def __init__(self, served: TwoServed) -> None:
        self.served = served
        self.mine, self.hidden = make_collection("mine"), make_collection("hidden")
        self.reader, self.outsider = make_user("reader"), make_user("outsider")
        grant(self.mine, self.reader)
        self.sounds = {thing: self.put(HEARER, thing) for thing in range(0, THINGS, 4)}
        self.pictures = {thing: self.put(SEER, thing) for thing in range(0, THINGS, 4)}
        self.secret = [
            self.put(ref, thing, collection=self.hidden) for ref in OWN for thing in (8, 12)
        ]

    def put(self, ref: str, thing: int, *, collection: Any = None) -> Any:
        collection = collection or self.mine
        kind = OWN[ref]
        asset = make_asset(collection, modality=kind)
        with scope.system():
            segment = Segment.objects.create(
                asset=asset,
                collection=collection,
                modality=kind,
                kind="whole" if kind == "image" else "time",
                ordinal=0,
            )
            row = VectorRow(
                segment_id=segment.pk,
                asset_id=asset.pk,
                collection_id=collection.pk,
                modality=kind,
                vector=self.served.vector(ref, kind, thing, noise=7),
            )
            backend().upsert(table=ddl.table_name(ref), rows=[row])
        return asset

    def ask(self, user: Any = None, **request: Any) -> Any:
        return search_run(user=user or self.reader, request=SearchRequest(**request))

    def hides(self, answer: Any) -> bool:
        body = str(answer.as_json() if hasattr(answer, "as_json") else answer)
        return not any(str(one.id) in body for one in [*self.secret, self.hidden])


@pytest.fixture
def holdings(served):
    return Holdings(served)


def learn(
    served: TwoServed, *, labels: bool = True, back: bool = False, methods: Any = ("ridge",)
) -> Bridge:
    ends = (HEARER, SEER) if back else (SEER, HEARER)
    return bridges.bridge_learn(
        source=ends[0],
        target=ends[1],
        captions=captions(),
        labelled=labelled(served) if labels and not back else (),
        methods=methods,
    )


def picture(thing: int) -> bytes:
    return b"IMG%02d" % thing


def heard(answer: Any) -> list[Any]:
    return [hit.asset.id for hit in answer.hits if hit.asset.modality == "audio"]


def test_without_a_bridge_a_picture_finds_no_sound(holdings):
    answer = holdings.ask(file=picture(8), include_uncertain=True)
    assert heard(answer) == []
    with pytest.raises(Unprocessable):
        holdings.ask(text="thing 08", file=picture(8), weights={"seer": 0})


def test_a_picture_finds_the_sound_of_the_same_thing(served, holdings):
    learn(served)
    for thing in (8, 20, 36):
        answer = holdings.ask(file=picture(thing), modalities=["audio"])
        assert heard(answer)[0] == holdings.sounds[thing].id
        assert answer.confident
        assert holdings.hides(answer)


def test_a_stored_asset_asks_over_the_bridge_too(served, holdings):
    learn(served, back=True)
    answer = holdings.ask(asset=holdings.sounds[16].id, include_uncertain=True)
    pictures = [hit.asset.id for hit in answer.hits if hit.asset.modality == "image"]
    assert pictures[0] == holdings.pictures[16].id
    assert holdings.hides(answer)


def test_a_composed_query_is_carried_as_far_as_needed(served, holdings):
    learn(served)
    answer = holdings.ask(
        text="thing 08", file=picture(8), modalities=["audio"], include_uncertain=True
    )
    assert heard(answer)[0] == holdings.sounds[8].id
    # Texts to sounds were never calibrated here, so the composed query is sure of nothing.
    assert [hit.confidence for hit in answer.hits] == [0.0] * len(answer.hits)


def test_the_signal_the_record_and_its_explanation_name_the_bridge(served, holdings):
    learn(served)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_create(user=holdings.reader).token}")
    file = SimpleUploadedFile("a.webp", picture(8), content_type="image/webp")
    # All there are: pictures, whose pair nobody fitted here, are the least sure.
    asked = {"file": file, "include_uncertain": "true", "top_k": "50"}
    body = client.post("/api/v1/search/", asked, format="multipart").json()
    signals = {
        hit["asset"]["modality"]: hit["influence"]["signals"][0] for hit in reversed(body["hits"])
    }
    assert signals["audio"]["bridge"] == "seer@1->hearer@1"
    assert (signals["audio"]["space"], signals["audio"]["model"]) == ("hearer", HEARER)
    assert (signals["audio"]["query_modality"], signals["audio"]["target_modality"]) == (
        "image",
        "audio",
    )
    assert "bridge" not in signals["image"]
    record = SearchRecord.objects.get(id=body["search_id"])
    assert record.models_used == [HEARER, SEER]
    kept = [s for i in Influence.objects.filter(record=record) for s in i.signals if "bridge" in s]
    assert {signal["bridge"] for signal in kept} == {"seer@1->hearer@1"}
    explained = client.get(f"/api/v1/searches/{body['search_id']}/").json()
    answered = body["hits"][0]["influence"]["signals"][0]
    recorded = explained["hits"][0]["influence"]["signals"][0]
    assert {key: recorded[key] for key in answered} == answered
    assert list(explained["basis"]["bridges"]) == ["seer@1->hearer@1"]
    assert search_replay(search_id=record.pk).same
    Bridge.objects.update(sha256="0" * 64)
    changed = search_replay(search_id=record.pk)
    assert "bridge-changed" in [change.code for change in changed.changes]
    assert any("bridge" in s for hit in explained["hits"] for s in hit["influence"]["signals"])


def test_nobody_sees_more_over_a_bridge(served, holdings):
    learn(served)
    for user in (holdings.outsider, holdings.reader):
        answer = holdings.ask(user, file=picture(12), include_uncertain=True)
        assert holdings.hides(answer)
    assert holdings.ask(holdings.outsider, file=picture(12), include_uncertain=True).hits == []
    with pytest.raises(NotVisible):
        holdings.ask(asset=holdings.secret[0].id)


def test_hidden_sounds_change_nothing(served, holdings):
    learn(served)
    asked = {"file": picture(8), "include_uncertain": True, "modalities": ["audio"]}
    before = holdings.ask(**asked).as_json()["hits"]
    for _ in range(10):
        holdings.put(HEARER, 8, collection=holdings.hidden)
    assert holdings.ask(**asked).as_json()["hits"] == before


def test_what_was_guessed_from_texts_is_never_a_match(served, holdings):
    row = learn(served, labels=False, methods=None)
    assert {one["method"] for one in row.figures["tried"]} == set(METHODS)  # none that is trained
    assert {pair["basis"] for pair in row.calibrations} == {"texts"}
    assert heard(holdings.ask(file=picture(8), modalities=["audio"])) == []
    answer = holdings.ask(file=picture(8), modalities=["audio"], include_uncertain=True)
    assert heard(answer)[0] == holdings.sounds[8].id
    assert {hit.verdict for hit in answer.hits} == {"uncertain"}
    assert 0 < max(hit.confidence for hit in answer.hits) <= certainty.GUESSED


def test_what_was_never_fitted_is_sure_of_nothing(served, holdings):
    row = learn(served)
    Bridge.objects.filter(pk=row.pk).update(calibrations=[])
    answer = holdings.ask(file=picture(8), modalities=["audio"], include_uncertain=True)
    assert {(hit.confidence, hit.verdict) for hit in answer.hits} == {(0.0, "uncertain")}


def test_a_bridge_is_used_while_both_its_versions_are(served, holdings):
    learn(served)
    retired = ModelVersion.Status.RETIRED
    ModelVersion.objects.filter(name="seer").update(status=retired)
    other = ModelVersion.objects.get(name="seer")
    newer = ModelVersion.objects.create(
        name="seer",
        version="2",
        space=other.space,
        status=ModelVersion.Status.ACTIVE,
        modalities=other.modalities,
        manifest=other.manifest,
    )
    VectorTable.objects.filter(model_version=other).update(model_version=newer)
    for known in (served.into, served.shift):
        known.update(
            {
                (("seer@2", key[1]) if isinstance(key, tuple) else "seer@2"): value
                for key, value in known.items()
                if (key[0] if isinstance(key, tuple) else key) == SEER
            }
        )
    OWN["seer@2"] = "image"
    try:
        assert heard(holdings.ask(file=picture(8), include_uncertain=True)) == []
    finally:
        del OWN["seer@2"]


@pytest.mark.parametrize("spoil", [lambda p: p.unlink(), lambda p: p.write_bytes(b"another")])
def test_a_file_that_is_not_the_one_learnt_is_not_used(served, holdings, spoil):
    row = learn(served)
    spoil(bridges_folder() / row.file)
    answer = holdings.ask(file=picture(8), include_uncertain=True)
    assert heard(answer) == []
    assert next(hit.asset.id for hit in answer.hits) == holdings.pictures[8].id
    with pytest.raises(Conflict):
        bridge_read(row)


def test_learning_measures_records_and_replaces(served):
    first, second = learn(served), learn(served, methods=METHODS)
    assert [row.pk for row in Bridge.objects.all()] == [second.pk]
    assert [path.name for path in bridges_folder().iterdir()] == [second.file]
    assert first.pk != second.pk
    figures = second.figures
    assert (
        figures["chosen"]["pairs"]["image-audio"]
        > 0.25
        > figures["labelled"]["image-audio"]["chance"]
    )
    assert len(figures["tried"]) == 2 * len(METHODS)
    entries = LedgerPending.objects.filter(event="models:bridge:learn")
    assert entries.count() == 2
    assert {gap.modality: gap.figures["distance"] > 0.5 for gap in Gap.objects.all()} == {
        "image": True,
        "audio": True,
    }
    measured = bridges.bridge_measure(row=second, labelled=labelled(served))["image-audio"]
    assert measured["precision@10"] == pytest.approx(figures["chosen"]["pairs"]["image-audio"])


def test_removing_takes_the_file_too(served, capsys):
    learn(served)
    call_command("bridge", "list")
    assert "seer@1->hearer@1" in capsys.readouterr().out
    call_command("bridge", "remove", SEER, HEARER)
    assert not Bridge.objects.exists()
    assert not list(bridges_folder().iterdir())
    assert LedgerPending.objects.filter(event="models:bridge:remove").count() == 1
    with pytest.raises(CommandError, match="no such bridge"):
        call_command("bridge", "remove", SEER, HEARER)


def test_a_bridge_goes_with_its_model(served):
    learn(served)
    ModelVersion.objects.get(name="hearer").delete()
    assert not Bridge.objects.exists()


def test_what_cannot_be_learnt_is_said(served):
    def ask(source: str = SEER, target: str = HEARER, count: int = 160) -> None:
        bridges.bridge_learn(source=source, target=target, captions=captions()[:count])

    with pytest.raises(NotVisible):
        ask(target="nobody@1")
    with pytest.raises(Invalid, match="joins two"):
        ask(target=SEER)
    with pytest.raises(Invalid, match="at least 100"):
        ask(count=99)
    served.down = True
    with pytest.raises(Unavailable):
        ask()
    served.down = False
    ModelVersion.objects.filter(name="hearer").update(modalities=["audio"])
    with pytest.raises(Invalid, match="no text tower"):
        ask()
    ModelVersion.objects.filter(name="hearer").update(modalities=["text"])
    with pytest.raises(Invalid, match="Neither would gain"):
        ask()
    assert not Bridge.objects.exists()


class SeenAsTheyAre(FakeRedaction):
    """Decodes every file to its own bytes."""

    def tensors(self, rendition: bytes, **_: Any) -> list[np.ndarray]:
        return [np.frombuffer(rendition, np.uint8)]


def labelled_folder(root: Path, folder: str, start: str, names: dict[int, str]) -> Path:
    (root / folder).mkdir(parents=True)
    rows = ["file\tlabel"]
    for thing, name in names.items():
        for turn in range(4):
            file = f"{thing:02}-{turn}.bin"
            (root / folder / file).write_bytes(f"{start}{thing:02}".encode())
            rows.append(f"{file}\t{name}")
    (root / "labels.tsv").write_text("\n".join(rows) + "\n")
    return root


def test_the_command_learns_both_ways_from_the_operator_s_own_files(served, tmp_path, capsys):
    names = {thing: f"Thing {thing}" for thing in range(0, THINGS, 2)}
    pictures = labelled_folder(tmp_path / "pictures", "images", "IMG", names)
    sounds = labelled_folder(
        tmp_path / "sounds", "audio", "SND", {k: v.upper() for k, v in names.items()}
    )
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"{one.words}, {one.kind}" for one in captions()))
    own = {"texts": [texts], "only_texts": True, "labelled": [pictures, sounds], "methods": METHODS}
    with clients.override(models=served, redaction=SeenAsTheyAre()):
        call_command("bridge", "learn", SEER, HEARER, **own)
        out = capsys.readouterr().out
        assert out.count("kept:") == 2
        assert out.count("calibrated on labelled pairs") == 2
        call_command("bridge", "measure", HEARER, SEER, labelled=[pictures, sounds])
    out = capsys.readouterr().out
    assert "audio-image: precision@10" in out
    assert "gap of seer@1, image to text: centroids" in out
    assert out.count("texts find theirs at MRR") == 2
    assert all(0.3 < gap.figures["mrr_centred"] <= 1 for gap in Gap.objects.all())
    rows = {(row.source.ref, row.target.ref): row for row in Bridge.objects.all()}
    assert set(rows) == {(SEER, HEARER), (HEARER, SEER)}
    for row in rows.values():
        figures = next(iter(row.figures["labelled"].values()))
        assert next(iter(row.figures["chosen"]["pairs"].values())) > 3 * figures["chance"]
    assert "things" not in str(rows[SEER, HEARER].figures)  # counts and measures, no content


@pytest.mark.parametrize(
    ("folders", "message"),
    [(("pictures", "pictures"), "only seer@1 embeds"), (("pictures", "none"), "there is none")],
)
def test_datasets_that_do_not_fit_are_refused(served, tmp_path, folders, message):
    labelled_folder(tmp_path / "pictures", "images", "IMG", {1: "one"})
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(one.words for one in captions()))
    with pytest.raises(CommandError, match=message):
        call_command(
            "bridge",
            "learn",
            SEER,
            HEARER,
            texts=[texts],
            only_texts=True,
            labelled=[tmp_path / folder for folder in folders],
        )
