from __future__ import annotations

from typing import Any

import pytest

from retrieval.services.feedback import feedback_give
from tests.retrieval.search.conftest import (
    Holdings,
    World,
    fake_calibration,
    fake_table,
    holdings,
    paths,
    world,
)

__all__ = ["Holdings", "World", "fake_calibration", "fake_table", "holdings", "paths", "world"]


@pytest.fixture
def answer(world, holdings):
    """The reader's search for "bear": a picture, a sound and a text, in this order."""
    return world.ask(holdings.reader)


@pytest.fixture
def vote(answer, holdings):
    def give(rank: int = 1, relevant: bool | None = True, **options: Any):
        """The reader's word on a hit of ``answer``."""
        user = options.pop("user", holdings.reader)
        options = {"search_id": answer.search_id, **options}
        return feedback_give(user=user, rank=rank, relevant=relevant, **options)

    return give
