import pytest
from django.db import connection

from retrieval import scope
from retrieval.models import Collection

pytestmark = pytest.mark.django_db


def test_the_application_role_is_neither_owner_nor_superuser():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles "
            "WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("vitrine_app", False, False, False)
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tableowner = 'vitrine_app'")
        assert cursor.fetchone() == (0,)


def test_row_level_security_hides_collections_outside_any_scope():
    with scope.system():
        Collection.objects.create(name="hidden")
        assert Collection.objects.count() == 1
    assert Collection.objects.count() == 0


def test_leaving_an_inner_scope_puts_the_outer_one_back():
    with scope.system():
        Collection.objects.create(name="hidden")
        with scope.user(None):
            assert Collection.objects.count() == 0
        assert Collection.objects.count() == 1
