import pytest
from django.core.cache import cache

from tests.cast import Cast, cast
from tests.retrieval.ingest.conftest import models, paths, redaction, sent, servers

__all__ = ["models", "paths", "redaction", "sent", "servers"]


@pytest.fixture
def people(paths, db, settings) -> Cast:
    # Hashing a password well takes a third of a second; the cast has seven.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    return cast()
