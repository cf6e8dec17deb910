from audit.models import LedgerPending
from tests.cast import PASSWORD

LOGIN = "/account/login/"


def events():
    return list(
        LedgerPending.objects.filter(event__startswith="auth:")
        .order_by("id")
        .values_list("event", flat=True)
    )


def test_log_in_failure_and_log_out_are_in_the_ledger(people, client):
    assert client.get(LOGIN).status_code == 200
    assert client.post(LOGIN, {"login": "sara", "password": "wrong"}).status_code == 200
    assert client.post(LOGIN, {"login": "sara", "password": PASSWORD}).status_code == 302
    assert client.post("/account/logout/").status_code == 302
    assert events() == ["auth:session:refuse", "auth:session:login", "auth:session:logout"]


def test_the_page_is_throttled_together_with_the_api(people, client):
    for _ in range(5):
        client.post(LOGIN, {"login": "sara", "password": "wrong"})
    client.post(LOGIN, {"login": "sara", "password": PASSWORD})
    assert "auth:session:login" not in events()


def test_the_consoles_own_log_in_form_is_never_shown(people, client):
    answer = client.get("/console/login/")
    assert answer.status_code == 302
    assert answer["Location"].startswith(LOGIN)


def test_nobody_signs_up_and_no_mail_is_sent(people, client):
    for path in ("signup/", "password/reset/", "email/"):
        assert client.get(f"/account/{path}").status_code == 404
