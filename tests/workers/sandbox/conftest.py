from pathlib import Path

import pytest

from workers.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox():
    """A running sandbox as the appliance runs it."""
    with Sandbox(jobs=4) as running:
        yield running


@pytest.fixture(scope="session")
def hostile_sandbox():
    """A running sandbox whose operations misbehave, besides the product's own."""
    operations = Path(__file__).with_name("misbehaving.py")
    with Sandbox(jobs=4, extra_operations=operations) as running:
        yield running
