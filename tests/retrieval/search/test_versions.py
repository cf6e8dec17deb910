"""Collections that use different versions of one space, and versions swapped in mid-search."""

from __future__ import annotations

import numpy as np
import pytest

from audit.models import SearchRecord
from retrieval import clients, scope
from retrieval.errors import Invalid, NotVisible, Unavailable
from retrieval.models import Calibration, Collection, ModelSet, ModelVersion, Segment, VectorTable
from retrieval.selectors.models import maintained_models, models_for
from retrieval.services.model_sets import model_set_override
from retrieval.vectors import VectorRow, backend, ddl
from tests.factories import grant, make_asset, make_collection, make_user
from tests.fakes import FakeRedaction, FakeVersions
from tests.retrieval.search.conftest import DIMENSION, MODALITIES, TABLE, World, catalogue, found

pytestmark = pytest.mark.django_db

OLD, NEW = "fake@1", "fake@2"
NEW_TABLE = ddl.table_name(NEW)


class TwoVersions(World):
    """Assets with vectors under both versions, at the same distance from a query in each."""

    tables = {OLD: TABLE, NEW: NEW_TABLE}

    def __init__(self) -> None:
        super().__init__()
        self.models = FakeVersions(dimension=DIMENSION)
        self.mine, self.hers = make_collection("mine"), make_collection("hers")
        self.hidden = make_collection("hidden")
        self.reader, self.outsider = make_user("reader"), make_user("outsider")
        grant(self.mine, self.reader)
        grant(self.hers, self.reader)

    def near(self, ref: str, near: float) -> np.ndarray:
        query = self.models.of(ref, b"bear")
        other = self.models.of(ref, b"something else entirely")
        other -= (other @ query) * query
        other /= np.linalg.norm(other)
        return (near * query + np.sqrt(1 - near**2) * other).astype(np.float32)

    def put_both(self, collection, **near: float):
        """A picture so near to "bear" under ``old`` and ``new``."""
        asset = make_asset(collection, modality="image")
        with scope.system():
            segment = Segment.objects.create(
                asset=asset, collection=collection, modality="image", kind="whole", ordinal=0
            )
            for ref, how_near in ((OLD, near["old"]), (NEW, near["new"])):
                row = VectorRow(
                    segment_id=segment.pk,
                    asset_id=asset.pk,
                    collection_id=collection.pk,
                    modality="image",
                    vector=self.near(ref, how_near),
                )
                backend().upsert(table=self.tables[ref], rows=[row])
        return asset


def candidate(space_of: ModelVersion, ref: str, table: str) -> ModelVersion:
    name, _, number = ref.partition("@")
    version = ModelVersion.objects.create(
        name=name,
        version=number,
        space=space_of.space,
        modalities=list(MODALITIES),
        manifest=space_of.manifest,
    )
    VectorTable.objects.create(model_version=version, table=table, dimension=DIMENSION, shards=1)
    Calibration.objects.bulk_create(
        Calibration(
            model_version=version, query_modality=q, target_modality=t, parameters={"fake": True}
        )
        for q in MODALITIES
        for t in MODALITIES
    )
    return version


@pytest.fixture
def tables(django_db_setup, django_db_blocker, fake_table):
    with django_db_blocker.unblock():
        ddl.create_table(table=NEW_TABLE, dimension=DIMENSION)


@pytest.fixture
def world(db, tables, fake_calibration):
    made = TwoVersions()
    made.new = candidate(catalogue(OLD), NEW, NEW_TABLE)
    with clients.override(models=made.models, redaction=FakeRedaction()):
        yield made


def versions_of(answer) -> dict:
    """By asset, the versions its signals name."""
    return {hit.asset.id: {signal.model for signal in hit.influence.signals} for hit in answer.hits}


def promote(*, new: str, old: str) -> None:
    ModelVersion.objects.filter(version=old[-1]).update(status="retired")
    ModelVersion.objects.filter(version=new[-1]).update(status="active")


def test_each_collection_is_searched_with_its_own_version(world):
    mine = world.put_both(world.mine, old=0.9, new=0.95)
    hers = world.put_both(world.hers, old=0.99, new=0.8)
    world.put_both(world.hidden, old=1.0, new=1.0)
    assert model_set_override(collection_id=world.hers.pk, version=world.new) is None
    answer = world.ask(world.reader)
    assert found(answer) == [mine.pk, hers.pk]  # not in the order of one version alone
    assert versions_of(answer) == {mine.pk: {OLD}, hers.pk: {NEW}}
    assert [hit.confidence for hit in answer.hits] == pytest.approx([0.9, 0.8], abs=6e-3)
    (record,) = SearchRecord.objects.all()
    assert record.models_used == [OLD, NEW]
    assert found(world.ask(world.outsider)) == []


def test_ranks_of_two_versions_are_lists_of_their_own(world):
    mine = [world.put_both(world.mine, old=near, new=0.9) for near in (0.9, 0.8)]
    hers = [world.put_both(world.hers, old=0.99, new=near) for near in (0.7, 0.6)]
    model_set_override(collection_id=world.hers.pk, version=world.new)
    answer = world.ask(world.reader, fusion="rrf")
    assert found(answer) == [mine[0].pk, hers[0].pk, mine[1].pk, hers[1].pk]


def test_the_query_is_encoded_for_the_versions_that_are_used_and_no_other(world):
    world.put_both(world.mine, old=0.9, new=0.9)
    for collections, wanted in (
        ((world.mine,), [OLD]),
        ((world.hers,), [NEW]),
        ((world.mine, world.hers), [OLD, NEW]),
    ):
        model_set_override(collection_id=world.hers.pk, version=world.new)
        world.models.asked.clear()
        world.ask(world.reader, f"words {wanted}", collections=tuple(c.pk for c in collections))
        assert sorted(ref for ref, _ in world.models.asked) == wanted


def test_a_swap_in_mid_search_neither_fails_nor_mixes(world):
    assets = [
        world.put_both(world.mine, old=0.9, new=0.6),
        world.put_both(world.hers, old=0.8, new=0.7),
    ]
    forward = [asset.pk for asset in assets]
    swaps = iter([(NEW, OLD), (OLD, NEW), (NEW, OLD)])

    def swap():
        new, old = next(swaps)
        promote(new=new, old=old)

    world.models.during = swap
    for number, (version, order) in enumerate(
        [(OLD, forward), (NEW, forward[::-1]), (OLD, forward)]
    ):
        answer = world.ask(world.reader)
        assert found(answer) == order, number
        assert versions_of(answer) == {pk: {version} for pk in forward}


def test_an_override_in_mid_search_neither_fails_nor_mixes(world):
    hers = world.put_both(world.hers, old=0.9, new=0.6)
    world.models.during = lambda: model_set_override(collection_id=world.hers.pk, version=world.new)
    assert versions_of(world.ask(world.reader)) == {hers.pk: {OLD}}
    world.models.during = lambda: None
    assert versions_of(world.ask(world.reader)) == {hers.pk: {NEW}}


def removed() -> None:
    VectorTable.objects.filter(table=TABLE).update(table="vectors_removed_meanwhile")


def test_a_version_removed_in_mid_search_leaves_the_one_in_its_place(world):
    mine = world.put_both(world.mine, old=0.9, new=0.6)
    removed()
    world.models.during = lambda: promote(new=NEW, old=OLD)
    assert versions_of(world.ask(world.reader)) == {mine.pk: {NEW}}
    assert SearchRecord.objects.count() == 1


def test_a_version_removed_with_none_in_its_place_is_to_be_asked_again(world):
    world.put_both(world.mine, old=0.9, new=0.6)
    removed()
    with pytest.raises(Unavailable):
        world.ask(world.reader)
    assert not SearchRecord.objects.exists()


def test_a_stored_asset_is_compared_under_the_version_of_what_is_searched(world):
    asked = world.put_both(world.mine, old=1.0, new=0.2)
    hers = world.put_both(world.hers, old=0.1, new=0.2)
    model_set_override(collection_id=world.hers.pk, version=world.new)
    answer = world.ask(world.reader, None, asset=asked.pk)
    assert versions_of(answer) == {hers.pk: {NEW}}
    (hit,) = answer.hits
    assert hit.influence.signals[0].similarity == 1.0  # alike under fake@2, far apart under fake@1


def test_a_set_of_a_hidden_collection_shows_nowhere(world):
    other = catalogue("other@1", space="other", table=ddl.table_name("unused"))
    ModelVersion.objects.filter(pk=other.pk).update(status="installed")
    model_set_override(collection_id=world.hidden.pk, version=other)
    mine = world.put_both(world.mine, old=0.9, new=0.9)
    world.put_both(world.hidden, old=1.0, new=1.0)
    answer = world.ask(world.reader)
    assert found(answer) == [mine.pk]
    assert {ref for ref, _ in world.models.asked} == {OLD}
    for user in (world.reader, world.outsider):
        with pytest.raises(Invalid):
            world.ask(user, weights={"other": 1.0})


def test_leaving_a_set_uses_the_active_version_again(world):
    assert model_set_override(collection_id=world.hers.pk, version=world.new) is None
    assert model_set_override(collection_id=world.hers.pk, version=world.new) == world.new
    assert {model.ref for model in maintained_models()} == {OLD, NEW}
    assert model_set_override(collection_id=world.hers.pk, version=None, space="fake") == world.new
    assert not ModelSet.objects.exists()
    with scope.system():
        assert Collection.objects.get(pk=world.hers.pk).model_set == "default"
    assert {model.ref for model in maintained_models()} == {OLD}
    with pytest.raises(NotVisible):
        model_set_override(collection_id=world.reader.pk, version=world.new)


def test_a_shared_set_is_copied_before_one_collection_leaves_it(world):
    shared = ModelSet.objects.create(name="trial")
    shared.versions.create(space_id="fake", version=world.new)
    with scope.system():
        Collection.objects.update(model_set="trial")
    model_set_override(collection_id=world.hers.pk, version=None, space="fake")
    reach = models_for({world.mine.pk: "trial", world.hers.pk: "default"})
    assert {one.model.ref: one.collections for one in reach} == {
        OLD: (world.hers.pk,),
        NEW: (world.mine.pk,),
    }
    assert ModelSet.objects.get() == shared


def test_without_collections_the_active_versions_answer(world):
    assert [(one.model.ref, one.collections) for one in models_for({})] == [(OLD, ())]
    reach = models_for({world.mine.pk: "no such set"})
    assert [(one.model.ref, one.collections) for one in reach] == [(OLD, (world.mine.pk,))]
