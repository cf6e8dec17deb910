from datetime import timedelta

import pytest
from django.utils import timezone
from knox.models import get_token_model

from audit.models import LedgerPending
from tests.cast import PASSWORD, client_of, token_of

TOKEN = "/api/v1/auth/token/"


def events():
    return list(LedgerPending.objects.order_by("id").values_list("event", flat=True))


def log_in(username, password, **extra):
    return client_of(None).post(TOKEN, {"username": username, "password": password}, **extra)


def test_a_password_gives_a_token_that_works_and_is_recorded(people):
    answer = log_in("sara", PASSWORD)
    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "expiry"}
    assert events()[-1] == "auth:token:create"
    client = client_of(None)
    client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert client.get("/api/v1/me/").json()["user"]["username"] == "sara"


def test_a_wrong_password_and_an_unknown_name_are_answered_and_recorded_alike(people):
    wrong, unknown = log_in("sara", "wrong"), log_in("nobody", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong["Content-Type"] == "application/problem+json"
    assert wrong["WWW-Authenticate"] == "Token"
    refused = LedgerPending.objects.filter(event="auth:session:refuse").order_by("id")
    first, second = refused.values_list("actor", "refs", "payload")
    assert first == second == (None, {}, "")


def test_an_unknown_name_costs_a_password_hash_too(people, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed = []
    original = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda *a, **k: hashed.append(1) or original(*a, **k)
    )
    log_in("sara", "wrong")
    known = len(hashed)
    log_in("nobody", "wrong")
    assert known > 0
    assert len(hashed) - known == known


def test_a_closed_account_is_refused_like_a_wrong_password(people):
    people.searcher.is_active = False
    people.searcher.save()
    assert log_in("sara", PASSWORD).json() == log_in("sara", "wrong").json()


def test_too_many_failures_are_throttled_whatever_x_forwarded_for_says(people):
    answers = [
        log_in("sara", "wrong", HTTP_X_FORWARDED_FOR=f"10.0.0.{n}").status_code for n in range(7)
    ]
    assert answers[:5] == [401] * 5
    assert answers[5:] == [429] * 2
    refused = log_in("sara", PASSWORD)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    # Another name is not locked out by that.
    assert log_in("cora", PASSWORD).status_code == 200


def test_one_address_cannot_try_many_names(people):
    answers = {
        log_in(f"name{n}", "wrong", HTTP_X_FORWARDED_FOR=f"10.0.0.{n}").status_code
        for n in range(11)
    }
    assert answers == {401, 429}


def test_a_token_ends_with_log_out(people):
    client = client_of(people.searcher)
    assert client.post("/api/v1/auth/logout/").status_code == 204
    assert events()[-1] == "auth:token:delete"
    assert client.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Token nonsense",
        "Token",
        "Token a b",
        "Token \x80\xff",
        "Bearer x",
        "Token " + "f" * 5000,
        "",
    ],
)
def test_malformed_tokens_are_401_with_a_problem(people, header):
    client = client_of(None)
    client.credentials(HTTP_AUTHORIZATION=header)
    answer = client.get("/api/v1/me/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert answer.json()["status"] == 401


def test_an_expired_token_is_401(people):
    token = token_of(people.searcher)
    get_token_model().objects.update(expiry=timezone.now() - timedelta(seconds=1))
    client = client_of(None)
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get("/api/v1/me/").status_code == 401


def test_knowing_who_calls_takes_one_query(people, django_assert_num_queries):
    from accounts.authentication import TokenAuthentication

    token = token_of(people.searcher)
    token_of(people.searcher)
    with django_assert_num_queries(1):
        TokenAuthentication().authenticate_credentials(token.encode())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "sara"},
        {"username": "sara", "password": None},
        {"username": ["x"], "password": "x"},
        {"username": "sa\x00ra", "password": "x"},
        {"username": "x" * 151, "password": "x"},
        {"username": "sara", "password": "x", "more": 1},
    ],
)
def test_malformed_log_ins_are_400(people, body):
    answer = client_of(None).post(TOKEN, body)
    assert answer.status_code == 400
    assert "sara" not in answer.content.decode()
