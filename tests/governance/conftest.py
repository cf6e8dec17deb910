import pytest
from hypothesis import HealthCheck, Phase, settings

from retrieval.services.scrubbing import Scrubbed
from tests.retrieval.search.conftest import (  # noqa: F401 - fixtures
    TABLE,
    catalogue,
    fake_calibration,
    fake_table,
)

# deploy/test tests/governance --hypothesis-profile=proof: ten thousand steps and more.
PROOF = "proof"
settings.register_profile(PROOF, deadline=None)


@pytest.fixture
def proof(pytestconfig):
    """Whether the full number of steps was asked for."""
    return pytestconfig.getoption("--hypothesis-profile") == PROOF


@pytest.fixture
def run_machine(db, fake_table, fake_calibration, monkeypatch, proof):  # noqa: F811 - fixtures
    """Runs a machine; each example in a savepoint of its own, so that nothing leaks."""
    from celery import current_app

    def run(machine, *, examples, steps):
        messages = []
        monkeypatch.setattr(
            current_app,
            "send_task",
            lambda name, args=(), **_: messages.append(
                (name.rsplit(".")[-1], args[0] if args else "")
            ),
        )
        # It rids files of bytes, waits for locks that this transaction has, and has its own tests.
        monkeypatch.setattr("retrieval.services.restoring.scrub", lambda _: Scrubbed())
        machine.table, machine.sent = TABLE, messages
        machine.catalogue = staticmethod(catalogue)
        machine.TestCase.settings = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=not proof,  # the same steps in every small run
            print_blob=False,
            report_multiple_bugs=False,
            # Every try takes seconds: the steps that led to it are told as they were.
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        machine.TestCase().runTest()

    return run
