"""A real browser against the pages, over fakes of the two servers.

Screenshots go to build/screenshots.
"""

from __future__ import annotations

import os
import shutil
from uuid import UUID

import pytest
from celery import current_app

from deploy.paths import ROOT
from retrieval import clients
from retrieval.services.stages import stage_run
from tests.factories import PASSWORD, grant, make_collection, make_user
from tests.retrieval.search.conftest import (  # noqa: F401 - fixtures of the search tests
    TABLE,
    World,
    catalogue,
    fake_calibration,
    fake_table,
    paths,
)

SCREENSHOTS = ROOT / "build" / "screenshots"
# Playwright runs an event loop in this thread, which Django would otherwise refuse to share.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def chromium() -> str | None:
    """Path of an installed browser, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("VITRINE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


# Closed after each module: while Playwright runs, no other test here can run an event loop.
@pytest.fixture(scope="module")
def browser():
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium is installed (VITRINE_CHROMIUM, chromium, google-chrome)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
            ],
        )
        yield launched
        launched.close()


@pytest.fixture
def visit(browser, live_server):
    """A page of 1280 px; every error a page logs fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.errors = errors
    yield page
    context.close()


@pytest.fixture
def world(transactional_db, fake_table, fake_calibration, paths):  # noqa: F811 - the fixtures above
    made = World()
    catalogue()
    with clients.override(models=made.models, redaction=made.redaction):
        yield made


@pytest.fixture
def inline_stages(monkeypatch):
    """Stages run when the test says so, instead of in a worker."""
    waiting: list[tuple[str, str]] = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda name, args=(), **_: waiting.append((name.rsplit(".")[-1], args[0])),
    )

    def run() -> None:
        while waiting:
            stage, asset_id = waiting.pop(0)
            stage_run(stage=stage, asset_id=UUID(asset_id))

    return run


@pytest.fixture
def reader(world):
    """A reader of one collection, and what lies in another."""
    user = make_user("ada", password=PASSWORD)
    mine, theirs = make_collection("Town photos"), make_collection("Secrets")
    grant(mine, user)
    world.put(mine, world.vector("bear", near=0.9), title="A bear in the grass")
    world.put(mine, world.vector("bear", near=0.6), modality="text", title="Report on a bear")
    world.put(theirs, world.vector("bear"), title="The hidden bear")
    return user


def log_in(page, username: str = "ada") -> None:
    page.goto("/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()


def screenshot(page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
