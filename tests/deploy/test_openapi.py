"""The description of the API is complete, valid and true, and needs no network to be read."""

import re
from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from drf_spectacular.validation import validate_schema

OTHER_ADDRESS = re.compile(r"""(?:src|href)=["'](?:https?:)?//""")


@pytest.fixture(scope="module")
def schema():
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def operations(schema):
    for path, verbs in schema["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def test_it_is_valid_openapi_without_warnings(schema):
    validate_schema(schema)
    assert schema["openapi"].startswith("3.")


def test_every_operation_says_what_it_does_and_what_can_go_wrong(schema):
    for path, verb, operation in operations(schema):
        assert operation.get("description") or operation.get("summary"), (path, verb)
        problems = [
            code
            for code, answer in operation["responses"].items()
            if "application/problem+json" in answer.get("content", {})
        ]
        assert "500" in problems, (path, verb)
        if operation.get("security") or path == "/api/v1/auth/token/":
            assert "401" in problems, (path, verb)


def test_posts_that_create_take_an_idempotency_key(schema):
    for path in ("collections/", "users/", "teams/", "collections/{collection_id}/assets/"):
        names = {one["name"] for one in schema["paths"][f"/api/v1/{path}"]["post"]["parameters"]}
        assert "Idempotency-Key" in names, path


def test_everybody_may_fetch_it_and_read_it(db):
    answer = Client().get("/api/v1/schema/")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/vnd.oai.openapi")
    assert Client().get("/api/v1/schema/?format=json").json()["info"]["title"] == "Vitrine"


def test_the_documentation_loads_nothing_from_elsewhere_and_nothing_inline(db):
    answer = Client().get("/api/v1/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert not OTHER_ADDRESS.search(page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "script-src" not in answer["Content-Security-Policy"]  # default-src 'self' holds
    sources = re.findall(r'<(?:script src|link rel="stylesheet" href)="([^"]+)"', page)
    assert len(sources) >= 4
    for source in sources:
        found = Client().get(source.replace("&amp;", "&"))
        assert found.status_code == 200, source
        found.close()
