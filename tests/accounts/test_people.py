import pytest

from accounts.models import Membership, Team, User
from accounts.services.teams import team_create
from audit.models import LedgerPending
from tests.cast import PASSWORD, client_of

USERS, TEAMS = "/api/v1/users/", "/api/v1/teams/"


def last_event():
    return LedgerPending.objects.order_by("-id").first().event


def test_governors_and_operators_list_and_make_users_others_do_not(people):
    for user in (people.governor, people.operator):
        answer = client_of(user).get(USERS)
        assert {row["username"] for row in answer.json()["results"]} >= {"sara", "otto"}
    for user in (people.steward, people.searcher, people.outsider):
        for path in (USERS, TEAMS):
            assert client_of(user).get(path).status_code == 403
            assert client_of(user).post(path, {}).status_code == 403


def test_a_new_user_gets_a_one_time_password_shown_once(people):
    client = client_of(people.operator)
    answer = client.post(
        USERS, {"username": "nora", "may_create_collections": True}, HTTP_IDEMPOTENCY_KEY="k"
    )
    assert answer.status_code == 201
    made = answer.json()
    user = User.objects.get(username="nora")
    assert user.check_password(made["one_time_password"])
    assert user.must_change_password
    assert last_event() == "access:user:create"
    again = client.post(
        USERS, {"username": "nora", "may_create_collections": True}, HTTP_IDEMPOTENCY_KEY="k"
    )
    assert again.status_code == 201
    assert again.json() == made | {"one_time_password": None}


def test_names_differ_in_more_than_case(people):
    assert client_of(people.governor).post(USERS, {"username": "SARA"}).status_code == 409


def test_only_governors_give_organisation_roles_or_touch_those_who_hold_them(people):
    body = {"username": "nora", "organisation_roles": ["governor"]}
    assert client_of(people.operator).post(USERS, body).status_code == 403
    assert client_of(people.governor).post(USERS, body).status_code == 201
    governor = f"{USERS}{people.governor.pk}/"
    operator = client_of(people.operator)
    assert operator.patch(governor, {"is_active": False}).status_code == 403
    assert operator.post(f"{governor}password/").status_code == 403
    own = f"{USERS}{people.operator.pk}/"
    assert operator.patch(own, {"organisation_roles": ["governor", "operator"]}).status_code == 403
    assert client_of(people.governor).patch(own, {"organisation_roles": []}).status_code == 200
    assert User.objects.get(pk=people.operator.pk).organisation_roles == []


def test_the_last_governor_stays(people):
    path = f"{USERS}{people.governor.pk}/"
    for change in ({"is_active": False}, {"organisation_roles": ["operator"]}):
        assert client_of(people.governor).patch(path, change).status_code == 409


def test_a_closed_account_is_out_at_once(people):
    theirs = client_of(people.searcher)
    assert theirs.get("/api/v1/me/").status_code == 200
    path = f"{USERS}{people.searcher.pk}/"
    assert client_of(people.operator).patch(path, {"is_active": False}).status_code == 200
    assert theirs.get("/api/v1/me/").status_code == 401


def test_a_reset_password_must_be_changed_and_ends_tokens(people):
    theirs = client_of(people.searcher)
    answer = client_of(people.operator).post(f"{USERS}{people.searcher.pk}/password/")
    assert answer.status_code == 200
    user = User.objects.get(username="sara")
    assert user.check_password(answer.json()["one_time_password"])
    assert not user.check_password(PASSWORD)
    assert user.must_change_password
    assert theirs.get("/api/v1/me/").status_code == 401


def test_teams_and_members(people):
    client = client_of(people.operator)
    team = client.post(TEAMS, {"slug": "archive", "name": "Archive"}).json()
    assert client.post(TEAMS, {"slug": "archive", "name": "Again"}).status_code == 409
    members = f"{TEAMS}{team['id']}/members/"
    assert client.post(members, {"user": "sara"}).status_code == 201
    assert client.post(members, {"user": "sara"}).status_code == 200
    assert client.post(members, {"user": "nobody"}).status_code == 400
    assert [row["username"] for row in client.get(members).json()["results"]] == ["sara"]
    assert client_of(people.searcher).get("/api/v1/me/").json()["teams"] == [
        {"id": team["id"], "slug": "archive", "name": "Archive"}
    ]
    assert client.delete(f"{members}{people.searcher.pk}/").status_code == 204
    assert last_event() == "access:member:delete"
    assert client.delete(f"{members}{people.searcher.pk}/").status_code == 404
    assert not Membership.objects.exists()


def test_an_operator_does_not_open_collections_to_itself_by_joining_a_team(people):
    team = team_create(by=None, slug="archive", name="Archive")
    path = f"{TEAMS}{team.pk}/members/"
    assert client_of(people.operator).post(path, {"user": "oscar"}).status_code == 403
    assert Team.objects.get(pk=team.pk).members.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        {"slug": "no spaces here", "name": "x"},
        {"slug": "ok"},
        {"slug": "ok", "name": "a\x00b"},
        {"slug": "ok", "name": "x" * 201},
    ],
)
def test_malformed_teams_are_400(people, body):
    assert client_of(people.operator).post(TEAMS, body).status_code == 400
