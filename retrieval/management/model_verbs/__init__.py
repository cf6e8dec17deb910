"""The verbs of ``manage.py models``: every module of this package offers some in ``VERBS``."""

from __future__ import annotations

import pkgutil
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """``manage.py models NAME``: its arguments, and what it does with them.

    ``run`` gets the parsed options and ``say``, which prints one line. It raises RetrievalError or
    CommandError, which end the command with one sentence and exit code 1.
    """

    name: str
    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Mapping[str, Any], Say], None]


def verbs() -> dict[str, Verb]:
    """Every verb by name, in the order of modules and of their lists."""
    found: dict[str, Verb] = {}
    for module in pkgutil.iter_modules(__path__):
        for verb in import_module(f"{__name__}.{module.name}").VERBS:
            if verb.name in found:
                raise ValueError(f"two modules offer the verb {verb.name}")
            found[verb.name] = verb
    return found
