"""Pytest plugin: each of several test processes has a database, a queue and a folder of its own.

Named in PYTEST_PLUGINS, because pytest-xdist's processes read settings before they load what ``-p``
names.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from deploy.checks.services import OUTSIDE, temporary_appliance

_held = ExitStack()


def pytest_addoption() -> None:
    """Start the services, where this is one of several processes; before settings are read."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        for name in OUTSIDE:  # the first process's own
            os.environ.pop(name, None)
        os.environ.update(_held.enter_context(temporary_appliance()))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop them again."""
    _held.close()
