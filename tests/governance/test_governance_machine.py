"""Whatever happens in whatever order: the rules of governance hold after every step."""

from collections import Counter

import pytest

from tests.governance.machine import Governance

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(0)]
PROOF_STEPS = 10_000


def test_the_rules_hold_whatever_happens_in_whatever_order(run_machine, proof, capsys):
    class Machine(Governance):
        steps = Counter()

    run_machine(Machine, examples=10 if proof else 5, steps=50 if proof else 25)
    while proof and Machine.steps.total() < PROOF_STEPS:
        tell(capsys, f"{Machine.steps.total()} steps")
        run_machine(Machine, examples=10, steps=50)
    done = ", ".join(f"{name} {count}" for name, count in sorted(Machine.steps.items()))
    tell(capsys, f"{Machine.steps.total()} steps: {done}")


def tell(capsys, line):
    with capsys.disabled():
        print(f"\n{line}", flush=True)  # noqa: T201 - the proof's figures
