"""Asking again skips the model, for oneself only, and leaves nothing that could be read."""

from __future__ import annotations

import gc
import hashlib
import os
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.signals import user_logged_out
from django.core.cache import cache as shared
from knox.models import get_token_model

from accounts.services.users import user_update
from retrieval.models import ModelVersion
from retrieval.services.search import SearchRequest, search_run
from retrieval.services.search.cache import QueryVectors, query_vectors
from tests.factories import grant, make_user
from tests.retrieval.search.conftest import found, nothing_hidden

VECTOR = np.array([0.6, 0.8], np.float32)
MODEL = SimpleNamespace(id=uuid4(), ref="fake@1")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def made():
    """What had to be made, in order."""
    return []


@pytest.fixture
def ask(made):
    def ask(cache, user, asked, *, model=MODEL, modality="text"):
        def make():
            made.append(asked)
            return VECTOR

        got = cache.get(user=user, model=model, modality=modality, asked=asked, make=make)
        assert got.tolist() == VECTOR.tolist()
        return got

    return ask


def test_the_same_question_of_the_same_user_is_made_once(ask, made):
    cache, user = QueryVectors(), uuid4()
    for _ in range(3):
        kept = ask(cache, user, b"bear")
    assert made == [b"bear"]
    assert not kept.flags.writeable


def test_another_user_model_modality_or_word_is_a_miss(ask, made):
    cache, user = QueryVectors(), uuid4()
    ask(cache, user, b"bear")
    ask(cache, uuid4(), b"bear")
    ask(cache, user, b"bears")
    ask(cache, user, b"bear", modality="image")
    ask(cache, user, b"bear", model=SimpleNamespace(id=uuid4(), ref="fake@1"))
    ask(cache, user, b"bear", model=SimpleNamespace(id=MODEL.id, ref="fake@2"))
    assert len(made) == 6


def test_nobody_without_a_name_is_remembered(ask, made):
    cache = QueryVectors()
    for _ in range(2):
        ask(cache, None, b"bear")
    assert len(made) == 2
    assert not cache._held


def test_a_users_own_questions_displace_only_each_other(ask, made):
    cache, busy, quiet = QueryVectors(vectors_a_user=3), uuid4(), uuid4()
    ask(cache, quiet, b"mine")
    for n in range(100):
        ask(cache, busy, b"%d" % n)
    assert {user: len(mine) for user, mine in cache._held.items()} == {quiet: 1, busy: 3}
    made.clear()
    ask(cache, quiet, b"mine")
    ask(cache, busy, b"99")
    assert made == []
    ask(cache, busy, b"96")
    assert made == [b"96"]


def test_a_newcomer_displaces_nobody(ask, made, clock):
    cache = QueryVectors(users=2, kept_seconds=10, clock=clock)
    first, second, third = uuid4(), uuid4(), uuid4()
    for user in (first, second, third, third):
        ask(cache, user, b"bear")
    assert len(made) == 4
    ask(cache, first, b"bear")
    assert len(made) == 4
    clock.now = 11
    ask(cache, third, b"bear")
    ask(cache, third, b"bear")
    assert len(made) == 5
    assert set(cache._held) == {third}


def test_what_is_old_is_made_anew(ask, made, clock):
    cache, user = QueryVectors(kept_seconds=10, clock=clock), uuid4()
    ask(cache, user, b"bear")
    clock.now = 9
    ask(cache, user, b"bear")
    clock.now = 10
    ask(cache, user, b"bear")
    assert len(made) == 2


def test_what_is_held_are_vectors_under_keys_that_nobody_can_work_out(ask):
    cache, user, words = QueryVectors(), uuid4(), b"a very private question"
    ask(cache, user, words)
    ((key, (_, vector)),) = cache._held[user].items()
    plain = [user.bytes, MODEL.id.bytes, MODEL.ref.encode(), b"text", words]
    joined = b"".join(len(part).to_bytes(8, "big") + part for part in plain)
    assert key not in {hashlib.sha256(known).digest() for known in (words, joined)}
    assert isinstance(vector, np.ndarray)
    reached, seen = [cache.__dict__], set()
    while reached:  # everything that hangs on the cache
        one = reached.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        text = one.encode() if isinstance(one, str) else one
        assert not (isinstance(text, bytes) and words in text)
        reached += gc.get_referents(one)
    assert len(seen) > 5
    other = QueryVectors()
    ask(other, user, words)
    assert list(other._held[user]) != [key], "the key is the process's own"


def test_a_forked_child_begins_with_nothing():
    user = uuid4()
    query_vectors.get(user=user, model=MODEL, modality="text", asked=b"x", make=lambda: VECTOR)
    before = query_vectors._key
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        fresh = query_vectors._held == {} and query_vectors._key != before
        os.write(writer, b"ok" if fresh else b"no")
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"ok"
    os.close(reader)
    assert user in query_vectors._held
    query_vectors.forget(user)


def test_all_processes_count_together(ask):
    shared.clear()
    one, two, user = QueryVectors(), QueryVectors(), uuid4()
    for cache in (one, two):
        for _ in range(3):
            ask(cache, user, b"bear")
    one.report()
    assert two.report() == {"hit": 4, "miss": 2}
    assert two.report() == {"hit": 4, "miss": 2}


@pytest.mark.django_db
class TestSearch:
    """Through the whole search."""

    @pytest.fixture(autouse=True)
    def _empty(self):
        query_vectors.reset()

    def test_asking_again_skips_the_model_but_neither_redaction_nor_the_record(
        self, world, holdings
    ):
        first = world.ask(holdings.reader)
        again = world.ask(holdings.reader)
        assert found(again) == found(first) == holdings.visible
        assert world.models.calls == ["text"]
        assert world.redaction.calls.count("redact_texts") == 2
        assert again.search_id != first.search_id
        assert nothing_hidden(again, holdings)

    def test_what_another_asked_is_embedded_anew(self, world, holdings):
        other = make_user("other")
        grant(holdings.mine, other)
        world.ask(holdings.reader)
        assert found(world.ask(other)) == holdings.visible
        assert world.models.calls == ["text", "text"]

    def test_what_redaction_leaves_is_what_counts(self, world, holdings):
        world.ask(holdings.reader, "write to ann@example.org")
        world.ask(holdings.reader, "write to bob@example.org")
        assert world.models.calls == ["text"], "both ask for the same redacted words"
        world.redaction.down = True
        with pytest.raises(Exception, match="nothing was searched"):
            world.ask(holdings.reader, "write to ann@example.org")

    def test_a_file_is_redacted_again_but_not_decoded_or_embedded_again(self, world, holdings):
        for data in (b"IMG one", b"IMG one", b"IMG two"):
            search_run(user=holdings.reader, request=SearchRequest(file=data, file_name="x"))
        assert world.models.calls == ["image", "image"]
        assert world.redaction.calls.count("query_file") == 3
        assert world.redaction.calls.count("tensors") == 2

    def test_another_version_of_the_model_is_asked_anew(self, world, holdings):
        world.ask(holdings.reader)
        version = ModelVersion.objects.get()
        version.version = "1b"
        version.save()
        world.ask(holdings.reader)
        assert world.models.calls == ["text", "text"]

    @pytest.mark.parametrize("event", ["logout", "token", "role", "closed"])
    def test_a_log_out_or_a_changed_account_forgets(self, world, holdings, event):
        user = holdings.reader
        token, _ = get_token_model().objects.create(user)
        world.ask(user)
        assert user.pk in query_vectors._held
        if event == "logout":
            user_logged_out.send(sender=type(user), request=None, user=user)
        elif event == "token":
            token.delete()
        elif event == "role":
            user_update(by=None, user=user, organisation_roles=["operator"])
        else:
            user_update(by=None, user=user, is_active=False)
        assert user.pk not in query_vectors._held
