"""Stages, crashes, sweeps, purges and deletions in any order: what must hold after every step."""

import os
from collections import Counter
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from audit.models import LedgerPending
from retrieval import clients, incarnation, media, scope
from retrieval.errors import Conflict
from retrieval.models import Asset, Segment
from retrieval.redaction.base import Finding
from retrieval.review_models import Review
from retrieval.selectors.reviews import Decision
from retrieval.services import stages
from retrieval.services.assets import asset_delete
from retrieval.services.claims import MAX_ATTEMPTS, asset_claim
from retrieval.services.ingest import asset_upload
from retrieval.services.purge import purge
from retrieval.services.reviews import review_decide
from retrieval.services.stages import StageCrashed, stage_run
from retrieval.services.sweep import sweep
from retrieval.states import IN_PROGRESS, STAGE_OF, State, may_move
from retrieval.uploads import upload_from
from retrieval.vectors import backend
from tests.factories import make_collection, make_model, make_reader
from tests.fakes import FakeModels, FakeRedaction

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

LINES = 3
# More where more is wanted: VITRINE_TEST_EXAMPLES=500.
EXAMPLES = int(os.environ.get("VITRINE_TEST_EXAMPLES", "8"))
STEPS = 14


def run_machine(machine, *, table):
    """Each example in a savepoint of its own, so that nothing leaks into the next."""
    machine.table = table
    machine.TestCase.settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase().runTest()


class Ingestion(RuleBasedStateMachine):
    """One asset, two servers that come and go, workers that die, a curator who deletes."""

    table = ""

    @initialize()
    def begin(self):
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        cache.clear()
        self.redaction, self.models = FakeRedaction(), FakeModels()
        self.servers = clients.override(redaction=self.redaction, models=self.models)
        self.servers.__enter__()
        make_model(table=self.table)
        collection = make_collection()
        self.curator = make_reader(collection, "curator")
        self.steward = make_reader(collection, "steward")
        self.decisions = 0
        text = "\n".join(f"line {n} of a@b.org" for n in range(LINES)).encode()
        self.asset, _ = asset_upload(
            user=None, collection_id=collection.pk, upload=upload_from(iter([text]), name="a.txt")
        )
        self.before = State.RECEIVED
        self.deleted = False

    def teardown(self):
        if hasattr(self, "savepoint"):
            self.servers.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    @property
    def row(self):
        with scope.system():
            return Asset.objects.get(pk=self.asset.pk)

    @rule(stage=st.sampled_from(["redact", "verify", "embed"]))
    def work(self, stage):
        stage_run(stage=stage, asset_id=self.asset.pk)

    @rule()
    def work_that_is_due(self):
        stage = STAGE_OF.get(State(self.row.state))
        if stage:
            stage_run(stage=stage, asset_id=self.asset.pk)

    @rule()
    def work_until_it_rests(self):
        """All that is due, so that more than the beginning of an asset's life is met with."""
        for _ in STAGE_OF:
            self.work_that_is_due()

    @rule(stage=st.sampled_from(["redact", "verify", "embed"]))
    def die_at_work(self, stage):
        """A process claims the asset and is killed."""
        if asset_claim(stage=stage, asset_id=self.asset.pk):
            with scope.system():
                Asset.objects.filter(pk=self.asset.pk).update(
                    claimed_by=f"{incarnation.machine()}/999999/1"
                )

    @rule(stage=st.sampled_from(["redact", "verify", "embed"]))
    def lose_the_claim_at_work(self, stage):
        """Work goes on so long that another takes over and finishes first."""
        run = stages._RUN[stage]

        def overtaken(claimed):
            stages._RUN[stage] = run
            with scope.system():
                Asset.objects.filter(pk=self.asset.pk).update(claimed_until=timezone.now())
            stage_run(stage=stage, asset_id=self.asset.pk)
            run(claimed)

        stages._RUN[stage] = overtaken
        try:
            stage_run(stage=stage, asset_id=self.asset.pk)
        finally:
            stages._RUN[stage] = run

    @rule(stage=st.sampled_from(["redact", "verify", "embed"]))
    def crash_at_work(self, stage):
        run = stages._RUN[stage]

        def crash(claimed):
            raise ValueError

        stages._RUN[stage] = crash
        try:
            stage_run(stage=stage, asset_id=self.asset.pk)
        except StageCrashed:
            pass
        finally:
            stages._RUN[stage] = run

    @rule(down=st.booleans())
    def redaction_goes_or_comes(self, down):
        self.redaction.down = down

    @rule(down=st.booleans())
    def models_go_or_come(self, down):
        self.models.down = down

    @rule(missed=st.sampled_from([[], [], [], ["PERSON"]]))
    def verification_misses(self, missed):
        self.redaction.missed = missed

    @rule(unsure=st.booleans())
    def redaction_is_unsure(self, unsure):
        low = Finding(kind="PERSON", score=0.3, recognizer="fake", start=0, end=4)
        self.redaction.low = (low,) if unsure else ()

    @rule(restarted=st.booleans())
    def sweep_up(self, restarted):
        sweep(node_restarted=restarted)

    @rule()
    def purge_the_original(self):
        with scope.system():
            Asset.objects.filter(pk=self.asset.pk, raw_state="kept").exclude(
                state=State.ERASED
            ).update(raw_kept_until=timezone.now() - timedelta(days=1))
        purge()

    @rule(decision=st.sampled_from([*Decision, Decision.ACCEPT, Decision.REDACT]))
    def decide(self, decision):
        """A steward decides what is open; what is not possible is refused and changes nothing."""
        with scope.system():
            review = Review.objects.filter(asset_id=self.asset.pk, state="open").first()
        if review is None:
            return
        before = self.row.state
        regions = [{"start": 0, "end": 4}] if decision is Decision.REDACT else []
        try:
            review_decide(
                user=self.steward, review_id=review.pk, decision=decision, regions=regions
            )
        except Conflict:
            assert self.row.state == before
            return
        self.decisions += 1
        if decision is Decision.REJECT:
            media.destroy_redacted(self.asset.pk)  # what the commit would do

    @rule(decision=st.sampled_from(Decision), still=st.booleans())
    def miss_and_decide(self, decision, still):
        """The second look finds something, ``still`` after the decision; a steward decides."""
        self.redaction.missed = ["PERSON"]
        self.work_until_it_rests()
        self.redaction.missed = ["PERSON"] if still else []
        self.decide(decision)

    @precondition(lambda self: not self.deleted)
    @rule()
    def delete(self):
        asset_delete(user=self.curator, asset_id=self.asset.pk)
        media.destroy_all(self.asset.pk)  # what the commit would do
        self.deleted = True

    @invariant()
    def holds(self):
        if not hasattr(self, "asset"):
            return
        row = self.row
        state = State(row.state)
        assert state == self.before or reachable(self.before, state)
        self.before = state
        with scope.system():
            segments = Segment.objects.filter(asset=row).count()
            reviews = Review.objects.filter(asset=row, state="open").count()
            vectors = backend().fetch(table=self.table, asset_id=row.pk).shape[0]
        done = state not in {State.RECEIVED, State.REDACTING, State.ERASED}
        if state is State.SEARCHABLE:
            assert (segments, vectors) == (LINES, LINES)
            assert b"a@b.org" not in media.read_blob(media.Blob.RENDITION, row.pk)
        else:
            assert vectors == 0
        if state is State.REJECTED:
            assert segments == 0
        else:
            assert segments in ({0, LINES} if not done or state is State.QUARANTINED else {LINES})
        assert reviews in {State.QUARANTINED: {1}, State.SEARCHABLE: {0, 1}}.get(state, {0})
        assert row.attempts <= MAX_ATTEMPTS
        assert state in IN_PROGRESS or row.claim is None
        assert state is not State.QUARANTINED or (row.reason and row.reason_detail)
        if self.deleted:
            assert state is State.ERASED
            assert not any(media.has_blob(kind, row.pk) for kind in media.Blob)
        told = Counter(LedgerPending.objects.values_list("event", flat=True))
        # Nothing happened twice, but what a steward made happen.
        assert max(told.values()) <= 1 + self.decisions


def reachable(old, new):
    """Whether legal moves lead from ``old`` to ``new``; one step may hold several of them."""
    seen, front = {old}, {old}
    while front:
        front = {to for at in front for to in State if may_move(old=at, new=to)} - seen
        seen |= front
    return new in seen


def test_whatever_happens_in_whatever_order(table, sent, db):
    run_machine(Ingestion, table=table)
