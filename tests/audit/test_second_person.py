"""Two people where the policy says so, and a policy that says what it was told."""

from __future__ import annotations

import uuid

import pytest

from audit.second_person import ACTS, SecondPersonNeeded, needed, require_other
from deploy.env import ConfigurationError, env_choices

pytestmark = pytest.mark.django_db  # an id of the ledger may be one of several of a person
ONE, ANOTHER = uuid.uuid4(), uuid.uuid4()


@pytest.mark.parametrize("what", ACTS)
def test_one_person_cannot_be_two(settings, what):
    settings.VITRINE_SECOND_PERSON = frozenset({what})
    require_other(first=ONE, second=ANOTHER, what=what)
    for first, second in ((ONE, ONE), (None, ONE), (ONE, None), (None, None)):
        with pytest.raises(SecondPersonNeeded):
            require_other(first=first, second=second, what=what)


@pytest.mark.parametrize("what", ACTS)
def test_where_the_policy_asks_for_one_person_one_is_enough(settings, what):
    settings.VITRINE_SECOND_PERSON = frozenset(set(ACTS) - {what})
    assert not needed(what)
    require_other(first=ONE, second=ONE, what=what)


def test_choices_of_the_environment(monkeypatch):
    assert env_choices("SOME", ("a", "b")) == {"a", "b"}
    assert env_choices("SOME", ("a", "b"), default=("b",)) == {"b"}
    monkeypatch.setenv("SOME", "a")
    assert env_choices("SOME", ("a", "b"), default=("b",)) == {"a"}
    monkeypatch.setenv("SOME", "none")
    assert env_choices("SOME", ("a", "b")) == frozenset()
    monkeypatch.setenv("SOME", "a,c")
    with pytest.raises(ConfigurationError):
        env_choices("SOME", ("a", "b"))
