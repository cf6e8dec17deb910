"""On whose behalf the database is read: the second barrier, row-level security, is told here.

Both scopes open a transaction and use ``SET LOCAL``, so nothing leaks through a reused connection.
Outside any scope the policies show no row at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connection, transaction

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


@dataclass(frozen=True)
class _Scope:
    user_id: str = ""
    system: str = "off"


_NOBODY = _Scope()
_current: ContextVar[_Scope] = ContextVar("vitrine_scope", default=_NOBODY)


@contextmanager
def user(user_id: UUID | None) -> Iterator[None]:
    """A transaction that sees only what this user's grants show. ``None`` sees nothing."""
    with _enter(_Scope(user_id=str(user_id or ""))):
        yield


@contextmanager
def system() -> Iterator[None]:
    """A transaction of the appliance itself.

    Ingestion, retention and other work on nobody's behalf.

    Never around a read whose rows go to a person, unless ``retrieval.access`` has decided on them
    before.
    """
    with _enter(_Scope(system="on")):
        yield


@contextmanager
def console(user: User | AnonymousUser) -> Iterator[None]:
    """A console page's transaction.

    A governor sees every collection's records, others what their grants show.

    This is about rows, not content: the console shows titles and texts only where
    ``retrieval.access`` lets the visitor read.
    """
    governs = user.is_authenticated and user.is_active and user.is_governor
    with system() if governs else _enter(_Scope(user_id=str(user.pk or ""))):
        yield


def on_same_behalf() -> Callable[[], AbstractContextManager[None]]:
    """Opens the present scope once more where it is called: on another thread's connection."""
    return partial(_enter, _current.get())


@contextmanager
def _enter(wanted: _Scope) -> Iterator[None]:
    before = _current.get()
    inside = connection.in_atomic_block
    token = _current.set(wanted)
    try:
        with transaction.atomic():
            _apply(wanted)
            yield
            # SET LOCAL ends with the transaction, but outlives a savepoint that is released, so an
            # outer scope is put back by hand. After an exception the rollback does it.
            if inside and wanted != before:
                _apply(before)
    finally:
        _current.reset(token)


def _apply(wanted: _Scope) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('vitrine.user', %s, true), set_config('vitrine.system', %s, true)",
            [wanted.user_id, wanted.system],
        )
