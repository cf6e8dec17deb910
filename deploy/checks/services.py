"""Embedded database and queue for the length of one test run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.__main__ import running
from deploy.embedded.place import remove_outside
from deploy.paths import Paths

OUTSIDE = ("DATABASE_URL", "REDIS_URL")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def temporary_appliance() -> Iterator[dict[str, str]]:
    """Variables for settings; DATABASE_URL and REDIS_URL from outside win over the embedded ones.

    Everything made for it is gone afterwards.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-"))
    paths = Paths(folder.resolve())
    try:
        with running(paths) as environment:
            named = {name: value for name in OUTSIDE if (value := os.environ.get(name))}
            yield {**environment, **named, **_browser()}
    finally:
        remove_outside(paths)
        shutil.rmtree(folder, ignore_errors=True)


def _browser() -> dict[str, str]:
    """VITRINE_CHROMIUM, where a browser for the page tests is installed."""
    given = os.environ.get("VITRINE_CHROMIUM")
    found = given or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return {"VITRINE_CHROMIUM": found} if found else {}
