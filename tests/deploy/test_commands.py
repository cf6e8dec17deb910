import json

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from knox.auth import TokenAuthentication
from rest_framework.test import APIRequestFactory

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path):
    monkeypatch.setenv("VITRINE_DATA", str(tmp_path))
    return tmp_path


def credentials(data) -> dict:
    return json.loads((data / "credentials.json").read_text())


def test_the_first_administrator_can_log_in_and_must_change_the_password(data):
    call_command("first_admin")
    admin = credentials(data)["admin"]
    user = User.objects.get(username=admin["username"])
    assert user.check_password(admin["password"])
    assert user.must_change_password
    assert user.organisation_roles == ["governor", "operator"]
    assert user.may_create_collections
    request = APIRequestFactory().get("/", headers={"authorization": f"Token {admin['token']}"})
    assert TokenAuthentication().authenticate(request)[0] == user


def test_it_is_made_once(data):
    call_command("first_admin")
    first = credentials(data)
    call_command("first_admin")
    assert credentials(data) == first
    assert User.objects.count() == 1


def test_in_the_demo_the_password_may_stay():
    call_command("first_admin", "--demo")
    assert not User.objects.get().must_change_password


def test_a_start_cut_short_before_the_file_was_written_is_made_good(data):
    call_command("first_admin")
    (data / "credentials.json").unlink()
    call_command("first_admin")
    assert User.objects.get().check_password(credentials(data)["admin"]["password"])


def test_an_appliance_with_accounts_gets_no_administrator(data):
    User.objects.create(username="somebody")
    call_command("first_admin")
    assert not (data / "credentials.json").exists()
    assert not User.objects.filter(username="admin").exists()


def test_the_application_role_may_not_set_passwords(data):
    (data / "secrets").mkdir()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        call_command("setup_roles")
    connection.close()
