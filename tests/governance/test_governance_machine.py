"""Whatever happens in whatever order: the rules of governance hold after every step."""

from collections import Counter

import pytest

from tests.governance.machine import Governance

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3600)]


def test_the_rules_hold_whatever_happens_in_whatever_order(run_machine, proof, capsys):
    class Machine(Governance):
        steps = Counter()

    run_machine(Machine, examples=240 if proof else 5, steps=50 if proof else 25)
    with capsys.disabled():
        done = ", ".join(f"{name} {count}" for name, count in sorted(Machine.steps.items()))
        print(f"\n{sum(Machine.steps.values())} steps: {done}")  # noqa: T201 - the proof's figure
    if proof:
        assert sum(Machine.steps.values()) >= 10_000
