"""The whole way: seeded files into an appliance of its own, then ``manage.py canary``, then purged.

The appliance is asked as people ask it, too: previews, searches and bad requests that hold
identifiers, so that logs, caches and records have had their chance to keep some.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.benchmarks.clone import Clone
from deploy.benchmarks.redact.seeded.files import TOKENS, Seeded, SeededFile, write
from deploy.credentials import credentials_read
from deploy.paths import Paths

_LOOK_SECONDS = 2.0
_REST_SECONDS = 3 * 3600.0
_RESTING = {"searchable", "quarantined", "rejected", "withheld"}
# The first administrator must change the password, as a person does at the first log-in.
_SETTLED = (
    "from accounts.models import User; "
    "User.objects.filter(username='admin').update(must_change_password=False)"
)
_ASKED = 20  # identifiers that are also searched for, previewed and sent where they do not belong


@dataclass(frozen=True)
class Outcome:
    """What one run came to. ``before`` and ``after``: canary's reports around the purge."""

    states: dict[str, int]
    seconds: float
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def good(self) -> bool:
        """Nothing outside the originals before, nothing at all after, and all of it proven."""
        return bool(self.before["clean"] and self.after["clean"] and _in_originals(self.before))


def run(clone: Clone, folder: Path, *, assets: int, canaries: int, seed: int) -> Outcome:
    """Starts ``clone``, sends the files, searches twice. The caller stops and removes it."""
    made = write(folder, assets=assets, canaries=canaries, seed=seed)
    clone.up("--no-demo")
    clone.manage("shell", "-c", _SETTLED)
    api = Api(clone)
    kept = api.post("retention-policies", {"name": "kept", "rules": _rules(30)})["id"]
    at_once = api.post("retention-policies", {"name": "at once", "rules": _rules(0)})["id"]
    collection = api.post(
        "collections",
        {"name": "seeded", "redaction_profile": "standard", "retention_policy": kept},
    )["id"]
    began = time.monotonic()
    _send(api, clone, folder, made, collection)
    states = _rested(api, collection, assets)
    seconds = time.monotonic() - began
    _ask(api, made, collection)
    before = canary(clone, folder)
    api.send("PATCH", f"collections/{collection}", json.dumps({"retention_policy": at_once}))
    clone.manage("purge")
    return Outcome(states, seconds, before, canary(clone, folder, "--originals"))


def canary(clone: Clone, folder: Path, *options: str) -> dict[str, Any]:
    """What ``manage.py canary --json`` says of the run's tokens."""
    with (folder / TOKENS).open("rb") as tokens:
        done = subprocess.run(
            [sys.executable, str(clone.root / "manage.py"), "canary", "--json", *options],
            env={**os.environ, "VITRINE_DATA": str(clone.data)},
            stdin=tokens,
            stdout=subprocess.PIPE,
            check=False,
        )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


class Api:
    """The administrator's requests."""

    def __init__(self, clone: Clone) -> None:
        told = credentials_read(Paths(clone.data).credentials)
        self._url, self._token = told["url"], told["admin"]["token"]

    def send(
        self, method: str, path: str, body: str | bytes, kind: str = "application/json"
    ) -> Any:
        """The answer as JSON.

        Raises:
            urllib.error.HTTPError: anything but success.
        """
        request = urllib.request.Request(  # noqa: S310 - our own appliance
            f"{self._url}/api/v1/{path}/" if "?" not in path else f"{self._url}/api/v1/{path}",
            data=body.encode() if isinstance(body, str) else body,
            method=method,
            headers={"Authorization": f"Token {self._token}", "Content-Type": kind},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - as above
            content = answer.read()
        return json.loads(content) if answer.headers["Content-Type"].endswith("json") else content

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a JSON body."""
        answer: dict[str, Any] = self.send("POST", path, json.dumps(body))
        return answer

    def upload(self, path: str, name: str, data: bytes, fields: dict[str, str]) -> Any:
        """The answer to a multipart body of one file and some fields."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"'
        body = "".join(parts).encode() + head.encode() + b"\r\n\r\n" + data
        body += f"\r\n--{boundary}--\r\n".encode()
        return self.send("POST", path, body, f"multipart/form-data; boundary={boundary}")


def _rules(days: int) -> list[dict[str, Any]]:
    return [{"what": "raw", "after_days": days}]


def _send(api: Api, clone: Clone, folder: Path, made: Seeded, collection: str) -> None:
    """Files with title and metadata through the API, the others as a folder."""
    inside = folder / "files"
    described = [file for file in made.files if file.title]
    for file in described:
        _uploaded(api, inside, file, collection)
        (inside / file.name).rename(folder / file.name)
    clone.manage("import", collection, str(inside), "--no-wait")
    for file in described:
        (folder / file.name).rename(inside / file.name)


def _uploaded(api: Api, inside: Path, file: SeededFile, collection: str) -> None:
    fields = {"title": file.title, "metadata": json.dumps(file.metadata), "source": file.title}
    data = (inside / file.name).read_bytes()
    api.upload(f"collections/{collection}/assets", file.name, data, fields)


def _rested(api: Api, collection: str, assets: int) -> dict[str, int]:
    """How many assets rest in which state and why, once all do."""
    limit = time.monotonic() + _REST_SECONDS
    while time.monotonic() < limit:
        states: Counter[str] = Counter()
        address = f"assets/?collection={collection}&page_size=100"
        while address:
            page = api.send("GET", address, b"")
            states.update(_state(asset) for asset in page["results"])
            address = (page["next"] or "").partition("/api/v1/")[2]
        waiting = assets - sum(n for state, n in states.items() if state.split(":")[0] in _RESTING)
        print(f"\r{assets - waiting} of {assets} rest", end="", file=sys.stderr, flush=True)
        if waiting == 0:
            print(file=sys.stderr)
            return dict(states)
        time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"{waiting} of {assets} assets did not come to rest")


def _state(asset: dict[str, Any]) -> str:
    return f"{asset['state']}:{asset['reason']}" if asset["reason"] else str(asset["state"])


def _ask(api: Api, made: Seeded, collection: str) -> None:
    """Searches, previews and requests that are refused, each with identifiers in it."""
    for one in made.canaries[:: max(1, len(made.canaries) // _ASKED)]:
        text = f"letter to {one.value}"
        api.post("search", {"text": text, "include_uncertain": True})
        api.post("search", {"text": "letter", "filters": {"metadata": {"contact": one.value}}})
        upload = f"collections/{collection}/assets"
        api.upload(f"{upload}/?preview=1", f"{one.value}.txt", text.encode(), {"title": text})
        for path, body in (
            ("search", {"text": text, one.value: 1}),
            ("search", {"text": text, "collections": [one.value]}),
            ("collections", {"name": {"a": one.value}}),
            (f"assets/{one.value.replace(' ', '%20')}", {}),
        ):
            try:
                api.post(path, body)
            except urllib.error.HTTPError as refused:
                refused.close()


def _in_originals(report: dict[str, Any]) -> int:
    kept = [store for store in report["stores"] if store["name"].startswith("originals")]
    return len({hit["line"] for store in kept for hit in store["hits"]})
