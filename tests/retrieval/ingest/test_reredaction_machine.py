"""Changes of profile and redacting anew among all that can happen to an asset, in any order."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from retrieval import scope
from retrieval.errors import Conflict
from retrieval.models import Asset, Collection
from retrieval.profile_models import Reredaction
from retrieval.selectors.profiles import profile_named
from retrieval.services.reredaction import reredact_cancel, reredact_start
from retrieval.services.reredaction_run import reredact_run
from retrieval.states import RawState, State
from tests.retrieval.ingest.test_state_machine import Ingestion, run_machine

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]


class Reredacted(Ingestion):
    """The same asset, in a collection whose profile changes."""

    @property
    def job(self):
        with scope.system():
            return Reredaction.objects.filter(state="running").first()

    @rule(name=st.sampled_from(["open", "standard", "strict"]))
    def another_profile(self, name):
        self.decisions += 2  # it may be withheld, and redacted once more
        with scope.system():
            Collection.objects.update(redaction_profile=name)

    @rule(withhold_rest=st.booleans())
    def begin_anew(self, withhold_rest):
        with scope.system():
            collection_id = Collection.objects.values_list("id", flat=True).get()
        self.decisions += 1
        try:
            reredact_start(by=None, collection_id=collection_id, withhold_rest=withhold_rest)
        except Conflict:
            assert self.job is None

    @rule()
    def go_on(self):
        if self.job is not None:
            reredact_run(job_id=self.job.pk)

    @rule()
    def stop(self):
        if self.job is not None:
            reredact_cancel(by=None, collection_id=self.job.collection_id)

    @rule(withhold_rest=st.booleans())
    def redact_anew_to_the_end(self, withhold_rest):
        """Once both servers answer it ends, with nothing left behind that could be redacted."""
        self.redaction.down = self.models.down = False
        self.redaction.missed = []
        self.begin_anew(withhold_rest)
        for _ in range(12):
            self.go_on()
            self.work_until_it_rests()
            if self.job is None:
                break
        assert self.job is None
        with scope.system():
            asset = Asset.objects.select_related("collection").get()
        ref = profile_named(asset.collection.redaction_profile).ref
        if asset.state == State.SEARCHABLE and asset.raw_state == RawState.KEPT:
            assert asset.profile_version == ref


def test_whatever_happens_in_whatever_order_while_profiles_change(table, sent, db):
    run_machine(Reredacted, table=table)
