"""Nothing about what others hold shows through re-embedding or through versions."""

import pytest

from retrieval import scope
from retrieval.models import ModelVersion, ReembedJob, Segment, Space
from tests.cast import client_of
from tests.factories import make_asset

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(people):
    with scope.system():
        make_asset(people.collection, segments=("hidden",) * 7)
    version = ModelVersion.objects.create(
        name="any", version="1", space=Space.objects.create(name="any", dimension=2)
    )
    return ReembedJob.objects.create(model_version=version, total=7777, done=7776, rate=3.0)


@pytest.mark.parametrize("who", ["outsider", "searcher", "governor"])
def test_only_operators_see_how_much_there_is_to_embed(people, job, who):
    (model,) = client_of(getattr(people, who)).get("/api/v1/models/").json()["results"]
    assert model["reembedding"] is None
    assert "777" not in str(model)
    (seen,) = client_of(people.operator).get("/api/v1/models/").json()["results"]
    assert (seen["reembedding"]["total"], seen["reembedding"]["done"]) == (7777, 7776)


def test_the_database_shows_a_user_nothing_of_what_a_job_walks_over(people, job):
    for user in (people.outsider, people.operator):
        with scope.user(user.pk):
            assert not Segment.objects.exists()
    with scope.system():
        assert Segment.objects.count() == 7
