"""Write ``known_names.txt``: first and family names of Faker's locales (MIT) in Latin script, in small letters.

``python -m retrieval.redaction.ner.training.known_names``; it renews the manifest's hashes.
"""

from __future__ import annotations

import importlib
import pkgutil
import unicodedata
from collections.abc import Iterable, Iterator

import faker.providers.person

from retrieval.redaction.ner.manifest import (
    BUILTIN,
    KNOWN_NAMES,
    read_manifest,
    write_manifest,
)


def known_names() -> Iterator[str]:
    """Every part of every first and family name of every locale."""
    for found in pkgutil.iter_modules(faker.providers.person.__path__):
        module = importlib.import_module(f"faker.providers.person.{found.name}")
        provider = module.Provider
        for attribute in dir(provider):
            names = getattr(provider, attribute)
            if attribute.startswith(("first_names", "last_names")) and isinstance(names, Iterable):
                for name in names:
                    if isinstance(name, str):
                        yield from name.replace("-", " ").casefold().split()


def _latin(name: str) -> bool:
    return len(name) > 1 and all(
        unicodedata.name(char, "").startswith("LATIN") for char in name if char.isalpha()
    )


def main() -> None:
    """Write the list beside the built-in model."""
    names = sorted({name for name in known_names() if _latin(name)})
    (BUILTIN / KNOWN_NAMES).write_text("\n".join(names) + "\n", encoding="utf-8")
    write_manifest(BUILTIN, read_manifest(BUILTIN))


if __name__ == "__main__":
    main()
