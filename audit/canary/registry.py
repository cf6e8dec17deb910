"""How rooms below ``deploy`` come by the appliance's stores, which only ``deploy`` knows.

An erasure proves itself with it: ``search(identifiers, appliance_stores(stack))`` before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from audit.canary.base import CannotLook, Store

Factory = Callable[[ExitStack], Sequence[Store]]
_factories: list[Factory] = []


def provide(factory: Factory) -> None:
    """Says what makes the stores; the stack that it is given closes what it opens."""
    _factories[:] = [factory]


def appliance_stores(stack: ExitStack) -> Sequence[Store]:
    """Every store of this appliance, to be searched once.

    Raises:
        CannotLook: nobody provided any.
    """
    if not _factories:
        raise CannotLook("nobody says which stores there are")
    return _factories[0](stack)
