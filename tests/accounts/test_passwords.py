from knox.models import get_token_model

from accounts.models import User
from accounts.services.users import user_create
from audit.models import LedgerPending
from tests.cast import PASSWORD, client_of, token_of

CHANGE = "/api/v1/auth/password/"
OWN = "another horse, another battery"


def test_a_first_password_opens_only_the_way_to_change_it(people):
    made = user_create(by=None, username="nora")
    client = client_of(made.user)
    refused = client.get("/api/v1/collections/")
    assert refused.status_code == 403
    assert "password" in refused.json()["detail"]
    assert client.get("/api/v1/me/").json()["user"]["must_change_password"] is True
    body = {"current_password": made.one_time_password, "new_password": OWN}
    assert client.post(CHANGE, body).status_code == 204
    assert client.get("/api/v1/collections/").status_code == 200


def test_changing_the_password_ends_all_other_tokens(people):
    other = token_of(people.searcher)
    client = client_of(people.searcher)
    body = {"current_password": PASSWORD, "new_password": OWN}
    assert client.post(CHANGE, body).status_code == 204
    assert client.get("/api/v1/me/").status_code == 200
    assert get_token_model().objects.filter(user=people.searcher).count() == 1
    stale = client_of(None)
    stale.credentials(HTTP_AUTHORIZATION=f"Token {other}")
    assert stale.get("/api/v1/me/").status_code == 401
    assert LedgerPending.objects.filter(event="auth:password:change").count() == 1


def test_wrong_weak_and_same_passwords_are_refused(people):
    client = client_of(people.searcher)
    for current, new, field in [
        ("wrong", OWN, "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, PASSWORD, "new_password"),
    ]:
        answer = client.post(CHANGE, {"current_password": current, "new_password": new})
        assert answer.status_code == 400
        assert field in answer.json()["errors"]
    assert User.objects.get(username="sara").check_password(PASSWORD)


def test_the_page_for_it_clears_the_duty_too(people, client):
    made = user_create(by=None, username="nora")
    client.force_login(made.user)
    assert client.get("/console/").status_code == 302
    answer = client.post(
        "/account/password/change/",
        {"oldpassword": made.one_time_password, "password1": OWN, "password2": OWN},
    )
    assert answer.status_code == 302
    assert User.objects.get(username="nora").must_change_password is False
