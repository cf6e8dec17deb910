"""The seeded files: every identifier is where the list says, and the same seed gives the same."""

import json
import re

import pytest
from stdnum import iban, luhn

from audit.canary.needles import Needles
from audit.canary.scanner import Tally, scan
from deploy.benchmarks.redact.seeded.files import MANIFEST, TOKENS, TYPES, write

ASSETS, CANARIES = 2 * len(TYPES), 8 * len(TYPES)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeded")
    return folder, write(folder, assets=ASSETS, canaries=CANARIES)


def test_every_identifier_is_in_its_file_or_in_its_name_or_pixels(seeded):
    folder, made = seeded
    values = [canary.value for canary in made.canaries]
    assert len(set(values)) == CANARIES
    assert (folder / TOKENS).read_text().splitlines() == values
    needles = Needles(values)
    held = {}
    for file in made.files:
        tally = Tally()
        told = [file.name, file.title, json.dumps(file.metadata)]
        content = (folder / "files" / file.name).read_bytes()
        scan(needles, tally, [content, "\n".join(told).encode()])
        held[file.name] = {found.token for found in tally.found}
    for number, canary in enumerate(made.canaries):
        assert (number in held[canary.file]) == (canary.place != "pixels"), canary.place


def test_identifiers_are_valid(seeded):
    _, made = seeded
    values = {canary.value for canary in made.canaries}
    cards = [v for v in values if re.fullmatch(r"(\d{4} ){3}\d{4}", v)]
    accounts = [v for v in values if v.startswith("DE")]
    assert min(len(cards), len(accounts)) >= CANARIES // 8
    assert all(luhn.is_valid(card.replace(" ", "")) for card in cards)
    assert all(iban.is_valid(account) for account in accounts)


def test_all_types_are_there_and_a_seed_gives_the_same_identifiers(seeded, tmp_path):
    folder, made = seeded
    assert {file.name.rpartition(".")[2] for file in made.files} == set(TYPES)
    again = write(tmp_path, assets=ASSETS, canaries=CANARIES)
    assert again.canaries == made.canaries
    listed = json.loads((folder / MANIFEST).read_text())
    assert len(listed["canaries"]) == CANARIES
    assert {one["place"] for one in listed["canaries"]} >= {"content", "pixels", "EXIF", "tag"}
