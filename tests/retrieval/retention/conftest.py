from datetime import timedelta

import pytest
from django.utils import timezone

from retrieval import scope
from retrieval.models import Asset
from tests.factories import make_asset, make_collection, make_policy
from tests.retrieval.ingest.conftest import paths

__all__ = ["paths"]


@pytest.fixture
def governed():
    """A collection under a policy with the rules given."""

    def make(*rules, **fields):
        return make_collection(retention_policy=make_policy(*rules), **fields)

    return make


@pytest.fixture
def aged():
    """An asset received so many days ago, put into its state a day ago."""

    def make(collection, *, days, state="searchable", since=1, **fields):
        now = timezone.now()
        return make_asset(
            collection,
            state=state,
            created_at=now - timedelta(days=days, seconds=1),
            state_changed_at=now - timedelta(days=since, seconds=1),
            **fields,
        )

    return make


@pytest.fixture
def left():
    """What of an asset is left, as the row says."""

    def read(asset):
        with scope.system():
            row = Asset.objects.get(pk=asset.pk)
        kept = [
            part for part in ("vectors", "transcript", "thumbnail") if getattr(row, f"{part}_kept")
        ]
        return row.state, row.raw_state, kept

    return read
