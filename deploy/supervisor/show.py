"""What the operator sees while the appliance starts."""

from __future__ import annotations

import json
import shlex
import time

from deploy.credentials import Credentials, GrantEntry

_FIRST_SEARCH = "people skiing on a mountain"


class Teller:
    """Prints one line a step, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        """Print ``line`` at once."""
        seconds = time.monotonic() - self._began
        print(f"[{seconds:6.1f} s] {line}", flush=True)


def closing_words(*, url: str, credentials: Credentials, credentials_path: str, first: bool) -> str:
    """Address, log-ins and a first search to paste.

    Outside the demo the administrator's first password, which must be changed, is shown only on the
    ``first`` start.
    """
    lines = ["", f"Vitrine is ready: {url}", ""]
    admin = credentials.get("admin")
    if admin and (first or credentials.get("demo_users")):
        lines.append(f"  administrator  {admin['username']:<10} {admin['password']}")
    for user in credentials.get("demo_users", []):
        grants = _in_words(user.get("grants", []))
        name, password = user["username"], user["password"]
        lines.append(f"  demo user      {name:<10} {password:<22} {grants or 'no grants'}")
    lines += ["", f"The first log-ins, with API tokens, are in {credentials_path}.", ""]
    searcher = next(
        (user for user in credentials.get("demo_users", []) if user.get("grants")), None
    )
    if searcher:
        lines += ["A first search:", "", first_search(url=url, token=searcher["token"]), ""]
    return "\n".join(lines)


def _in_words(grants: list[GrantEntry]) -> str:
    """Collections by name, each with the roles held in it."""
    roles: dict[str, list[str]] = {}
    for grant in grants:
        roles.setdefault(grant["name"], []).append(grant["role"])
    return ", ".join(f"{name} ({' + '.join(held)})" for name, held in roles.items())


def first_search(*, url: str, token: str) -> str:
    """A curl command that searches, ready to paste."""
    body = json.dumps({"text": _FIRST_SEARCH})
    return (
        f"  curl -s -H {shlex.quote(f'Authorization: Token {token}')} "
        f"-H 'Content-Type: application/json' \\\n    -d {shlex.quote(body)} {url}/api/v1/search/"
    )
