"""Every endpoint against everybody who must not pass.

Endpoints come from the URL conf: a new one without a line
in ``EXPECTED`` fails here."""

import io
from uuid import UUID, uuid4

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.services.teams import team_create
from accounts.services.users import user_create
from audit.consents import Terms, consent_create
from audit.erasure_models import ErasureRequest
from audit.models import Disclosure, LedgerEntry, LegalHold
from audit.searches import InfluenceData, record_search
from audit.subjects import subject_create
from retrieval import scope
from retrieval.models import EvaluationRun, Grant, LabelledQuery, ModelVersion, Space
from retrieval.services.evaluation_tasks import task_declare
from tests.cast import client_of
from tests.factories import make_asset, make_policy, make_review

# What an outsider gets who holds no grant and no organisation role, by route name and verb. "own":
# 200, and nothing of others in it. "open": meant for everybody, even strangers.
EXPECTED = {
    ("token", "post"): "open",
    ("logout", "post"): "own",
    ("password", "post"): "own",
    ("me", "get"): "own",
    ("my-traces", "get"): "own",
    ("my-traces-of", "get"): "own",
    ("users", "get"): 403,
    ("users", "post"): 403,
    ("user", "get"): 403,
    ("user", "patch"): 403,
    ("user-password", "post"): 403,
    ("teams", "get"): 403,
    ("teams", "post"): 403,
    ("members", "get"): 403,
    ("members", "post"): 403,
    ("member", "delete"): 403,
    ("collections", "get"): "own",
    ("collections", "post"): 403,
    ("collection", "get"): 404,
    ("collection", "patch"): 404,
    ("collection", "delete"): 404,
    ("grants", "get"): 404,
    ("grants", "post"): 404,
    ("grant", "delete"): 404,
    ("upload", "post"): 404,
    ("assets", "get"): "own",
    ("asset", "get"): 404,
    ("asset", "delete"): 404,
    ("content", "get"): 404,
    ("thumbnail", "get"): 404,
    ("raw", "get"): 404,
    ("reviews", "get"): "own",
    ("review", "get"): 404,
    ("review", "post"): 404,
    ("review-preview", "get"): 404,
    ("review-thumbnail", "get"): 404,
    ("review-uncovered", "get"): 404,
    ("reredact", "get"): 404,
    ("reredact", "post"): 404,
    ("reredact", "delete"): 404,
    ("profiles", "get"): 403,
    ("profiles", "post"): 403,
    ("profile", "get"): 403,
    ("profile", "post"): 403,
    ("subject-lookup", "post"): 403,
    ("subjects", "get"): 404,
    ("subjects", "post"): 404,
    ("subject", "get"): 404,
    ("subject-assets", "get"): 404,
    ("subject-identifier", "post"): 404,
    ("subject-restrict", "post"): 404,
    ("subject-object", "post"): 404,
    ("subject-lift", "post"): 404,
    ("asset-subjects", "get"): 404,
    ("asset-subjects", "post"): 404,
    ("asset-subject", "delete"): 404,
    ("consents", "get"): 404,
    ("consents", "post"): 404,
    ("consents-import", "post"): 404,
    ("consent", "get"): 404,
    ("consent-withdraw", "post"): 404,
    ("consent-receipt", "get"): 404,
    ("erasures", "get"): 403,
    ("erasures", "post"): 404,
    ("erasure", "get"): 404,
    ("erasure-approve", "post"): 404,
    ("erasure-refuse", "post"): 404,
    ("erasure-candidate", "post"): 404,
    ("erasure-receipt", "get"): 404,
    ("search", "post"): "search",
    ("search-record", "get"): 404,
    ("saliency", "get"): 404,
    ("why-not", "get"): 404,
    ("feedback", "post"): 404,
    ("feedback", "delete"): 404,
    ("labelled-queries", "get"): 404,
    ("labelled-queries", "post"): 404,
    ("labelled-query", "delete"): 404,
    ("models", "get"): "own",
    ("model-promote", "post"): 403,
    ("model-rollback", "post"): 403,
    ("evaluations", "get"): "own",
    ("evaluation", "get"): 404,
    ("evaluation-cases", "get"): 404,
    ("tasks", "get"): 404,
    ("tasks", "post"): 404,
    ("task-withdraw", "post"): 404,
    ("audit-entries", "get"): 403,
    ("audit-verify", "get"): 403,
    ("audit-entry-proof", "get"): 403,
    ("audit-checkpoints", "get"): 403,
    ("audit-checkpoint", "get"): 403,
    ("audit-checkpoint-inclusion", "get"): 403,
    ("audit-checkpoint-consistency", "get"): 403,
    ("audit-export", "get"): 403,
    ("audit-verifier", "get"): 403,
    ("audit-key", "get"): 403,
    ("audit-searches", "get"): 403,
    ("audit-searches-export", "get"): 403,
    ("search-disclosures", "post"): 404,
    ("disclosures", "get"): 403,
    ("disclosure", "get"): 403,
    ("disclosure-approve", "post"): 403,
    ("disclosure-refuse", "post"): 403,
    ("disclosed", "get"): 404,
    ("archive", "post"): 403,
    ("processing-details", "get"): 403,
    ("processing-details", "patch"): 403,
    ("processing-record", "get"): 403,
    ("processing-dpia", "get"): 403,
    ("monitoring", "get"): 403,
    ("monitoring", "post"): 403,
    ("monitoring", "delete"): 403,
    ("monitoring-flags", "get"): 403,
    ("retention-policies", "get"): 403,
    ("retention-policies", "post"): 403,
    ("retention-policy", "patch"): 403,
    ("retention-calendar", "get"): 403,
    ("retention-due", "get"): 403,
    ("retention-pauses", "get"): 403,
    ("retention-pauses", "post"): 403,
    ("retention-pause-end", "post"): 403,
    ("retention-runs", "get"): 403,
    ("retention-run", "get"): 403,
    ("holds", "get"): 403,
    ("holds", "post"): 404,
    ("hold", "get"): 403,
    ("hold-assets", "get"): 403,
    ("hold-release", "post"): 403,
    ("schema", "get"): "open",
    ("docs", "get"): "open",
}
BODIES = {
    "token": {"username": "otto", "password": "wrong"},
    "users": {"username": "nina"},
    "user": {"name": "x"},
    "teams": {"slug": "x", "name": "x"},
    "members": {"user": "otto"},
    "collections": {"name": "x"},
    "collection": {"name": "x"},
    "grants": {"user": "otto", "role": "steward"},
    "search": {"text": "bear"},
    "tasks": {"name": "x", "figure": "recall@10", "pair": "text-image", "bound": 0.5},
    "feedback": {"rank": 1, "relevant": True},
    "labelled-queries": {"text": "bear", "asset": str(UUID(int=1))},
    "profiles": {"name": "theirs", "rules": {"entities": {}}},
    "profile": {"rules": {"entities": {}}},
    "subject-lookup": {"identifier": "ann@example.org"},
    "review": {"decision": "accept"},
    "password": {"current_password": "wrong", "new_password": "wrong"},
    "retention-policies": {"name": "x", "rules": []},
    "retention-policy": {"rules": []},
    "retention-pauses": {"reason": "an audit", "until": "2999-01-01T00:00:00Z"},
    "holds": {"asset": str(UUID(int=1)), "reason": "a case"},
    "hold-release": {"reason": "the case is over"},
    "consents": {"subject": str(UUID(int=1)), "purposes": ["search"]},
    "erasures": {"asset": str(UUID(int=1))},
    "erasure-candidate": {"decision": "include"},
    "asset-subjects": {"subjects": [str(UUID(int=1))]},
    "search-disclosures": {"reason": "To see whether this is refused"},
    "monitoring": {
        "reference": "An agreement", "agreed_on": "2026-01-01", "opens": "07:00",
        "closes": "19:00", "weekdays": [1], "time_zone": "UTC",
    },
}  # fmt: skip
VERBS = ("get", "post", "put", "patch", "delete")
# Who is in an asset, by random ids: governors' business, and no content.
IDS_ALONE = {"asset-subjects", "asset-subject", "subject-assets"}
BEFORE_PASSWORD_CHANGE = {"logout", "password", "me"}


def patterns(resolver, prefix=""):
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, prefix + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield prefix + str(one.pattern), one


def endpoints():
    """(route name, verb, route) of everything under the API's prefix."""
    for route, pattern in patterns(get_resolver()):
        if route.startswith("api/v1/"):
            view = pattern.callback.view_class
            for verb in VERBS:
                if hasattr(view, verb):
                    yield pattern.name, verb, route


def test_every_endpoint_has_its_line_and_every_line_its_endpoint():
    assert {(name, verb) for name, verb, _ in endpoints()} == set(EXPECTED)


@pytest.fixture
def ids(people):
    """Real ids of what others hold, by the names that routes use."""
    with scope.system():
        asset = make_asset(
            people.collection, rendition=b"text", segments=("text",), title="Secret bear"
        )
        grant = Grant.objects.filter(collection=people.collection).first()
        return _ids(people, asset, grant)


def _ids(people, asset, grant):
    subject = subject_create(by=None, identifier="Secret").subject
    terms = Terms(purposes=["search"])
    consent = consent_create(subject=subject, terms=terms, by=None)
    return {
        "collection_id": people.collection.pk, "asset_id": asset.pk, "grant_id": grant.pk,
        "user_id": people.searcher.pk, "name": "standard",
        "team_id": team_create(by=None, slug="secret", name="Secret").pk,
        "search_id": record_search(
            user_id=people.searcher.pk, user_label="sara", query_modality="text", query=b"Secret",
            query_redactions=[], collections=[people.collection.pk], modalities=["text"],
            models_used=[], parameters={}, confident=True,
            influences=[InfluenceData(
                rank=1, asset_id=asset.pk, collection_id=people.collection.pk,
                segment_id=asset.segments.get().pk, confidence=0.9, verdict="match",
            )],
        ).pk,
        "what": "searches",
        "subject_id": subject.id, "consent_id": consent.id,
        "erasure_id": ErasureRequest.objects.create(
            asset=asset.pk, collection=people.collection.pk
        ).pk,
        "candidate_id": uuid4(),
        "policy_id": make_policy().pk, "pause_id": uuid4(), "run_id": uuid4(),
        "hold_id": LegalHold.objects.create(
            asset=asset.pk, home=people.collection.pk, reason="Secret"
        ).pk,
        "disclosure_id": Disclosure.objects.create(
            search=uuid4(), searcher=uuid4(), reason=b"x", requested_by=uuid4(),
            requester_role="governor", kept_until=timezone.now(),
        ).pk,
        "labelled_id": LabelledQuery.objects.create(
            collection=people.collection, asset=asset, words=b"x", digest=b"x" * 32
        ).pk,
        "model_id": ModelVersion.objects.create(
            name="any", version="1", space=Space.objects.create(name="any", dimension=2)
        ).pk,
        "review_id": make_review(
            make_asset(people.collection, state="quarantined", rendition=b"text", title="Secret")
        ).pk,
        "evaluation_id": EvaluationRun.objects.create(
            model="any@1", dataset="titles", collection=people.collection, result={}
        ).pk,
        "task_id": task_declare(
            by=people.steward, collection_id=people.collection.pk, name="Secret",
            figure="recall@10", pair="text-image", bound=0.5,
        ).pk,
    }  # fmt: skip


def address(route, ids):
    for name, value in ids.items():
        route = route.replace(f"<uuid:{name}>", str(value)).replace(f"<slug:{name}>", str(value))
    for number in ("rank", "seq", "size", "number"):
        route = route.replace(f"<int:{number}>", "1")
    assert "<" not in route, f"no id known for {route}"
    return f"/{route}" + (f"?asset={ids['asset_id']}" if route.endswith("/why-not/") else "")


def call(client, name, verb, path):
    if verb == "get":
        return client.get(path)
    if name == "upload":
        return client.post(path, {"file": io.BytesIO(b"bear")}, format="multipart")
    return getattr(client, verb)(path, BODIES.get(name, {}))


def is_problem(answer, status):
    assert answer.status_code == status, (answer.status_code, answer.content[:300])
    assert answer["Content-Type"] == "application/problem+json"


def test_strangers_get_401_everywhere_but_where_everybody_may(ids):
    for name, verb, route in endpoints():
        if EXPECTED[name, verb] != "open":
            answer = call(client_of(None), name, verb, address(route, ids))
            is_problem(answer, 401)
            assert answer["WWW-Authenticate"] == "Token"


def test_outsiders_get_what_the_table_says(people, ids, servers):
    for name, verb, route in endpoints():
        expected = EXPECTED[name, verb]
        answer = call(client_of(people.outsider), name, verb, address(route, ids))
        if isinstance(expected, int):
            is_problem(answer, expected)
        elif expected == "own":
            assert answer.status_code in (200, 204, 400), (name, answer.content[:300])
        elif expected == "search":
            assert answer.status_code in (200, 503), answer.content[:300]
            assert not answer.json().get("hits")
        text = answer.content.decode()
        for hidden in ("Secret", "Photographs", str(ids["asset_id"]), str(ids["collection_id"])):
            assert hidden not in text, (name, verb)


def test_what_is_others_is_answered_exactly_as_what_is_not_there(people, ids):
    nowhere = {name: uuid4() for name in ids}
    for name, verb, route in endpoints():
        if EXPECTED[name, verb] == 404:
            client = client_of(people.outsider)
            real, none = (call(client, name, verb, address(route, some)) for some in (ids, nowhere))
            assert real.status_code == none.status_code
            assert real.json() == none.json(), name


def test_governors_and_operators_read_no_content_by_their_office(people, ids):
    for user in (people.governor, people.operator):
        for name, verb, route in endpoints():
            if EXPECTED[name, verb] == 404 and "asset" in route and name not in IDS_ALONE:
                is_problem(call(client_of(user), name, verb, address(route, ids)), 404)


def test_a_first_password_opens_nothing_but_its_own_change(people, ids):
    new = user_create(by=None, username="nora", organisation_roles=["governor"]).user
    for name, verb, route in endpoints():
        if EXPECTED[name, verb] != "open" and name not in BEFORE_PASSWORD_CHANGE:
            is_problem(call(client_of(new), name, verb, address(route, ids)), 403)


def test_nothing_of_all_that_was_refused_left_a_trace_as_done(people, ids):
    before = LedgerEntry.objects.count()
    for name, verb, route in endpoints():
        if EXPECTED[name, verb] in (403, 404):
            call(client_of(people.outsider), name, verb, address(route, ids))
    assert LedgerEntry.objects.count() == before
    with scope.system():
        assert people.collection.assets.count() == 2
        assert people.collection.grants.count() == 5
