import pytest
from django.core.cache import cache

from tests.cast import Cast, cast


@pytest.fixture
def people(db, settings) -> Cast:
    # Hashing a password well takes a third of a second; the cast has seven.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()  # the limits on log-ins live there
    return cast()
