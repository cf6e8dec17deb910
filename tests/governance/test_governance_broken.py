"""Each rule broken on purpose, once: the machine finds it. Only with the profile ``proof``."""

from collections import Counter

import pytest

from retrieval.services.withholding import Reconsidered
from tests.governance.machine import Governance

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3600)]


def nothing(*_, **__):
    return Reconsidered()


BROKEN = {
    "a withdrawal moves nothing": {"retrieval.services.consents.reconsider": nothing},
    "stages ask nobody": {
        "retrieval.services.consents.reconsider": nothing,
        "retrieval.services.claims._withheld": lambda *_, **__: False,
    },
    "a deletion asks no hold": {"retrieval.services.assets.held": lambda _: {}},
    "an erasure asks no hold": {
        "retrieval.services.erasure_run.held": lambda _: {},
    },
    "keys are kept": {"retrieval.services.erasing_stores._destroy": lambda _: None},
    "the clock is believed": {"retrieval.services.purge.clock_check": lambda: None},
    "training asks nobody": {
        "retrieval.services.dataset_files.reasons_now": lambda _: {},
        "retrieval.services.dataset_files.datasets_recheck": lambda _: 0,
    },
    "a restore forgets tombstones": {
        "retrieval.services.erasures.tombstones_apply": lambda _: 0,
    },
    "a restore forgets the journal": {"retrieval.services.restoring.journal_apply": lambda: 0},
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_found(run_machine, proof, monkeypatch, capsys, rule):
    if not proof:
        pytest.skip("takes minutes: run with --hypothesis-profile=proof")
    for name, broken in BROKEN[rule].items():
        monkeypatch.setattr(name, broken, raising=False)

    class Machine(Governance):
        steps = Counter()

    with pytest.raises(AssertionError) as found:
        run_machine(Machine, examples=60, steps=50)
    with capsys.disabled():
        said = str(found.value).splitlines()[0]
        print(f"\n{rule}: after {sum(Machine.steps.values())} steps, {said}")  # noqa: T201 - proof
