"""Consent, holds, retention, erasure and search in any order, against a model of what they mean.

Every example lives in a transaction that is rolled back, with a folder of keys and media of its
own. What a commit would do is done after each step. Time passes by moving every moment in the
database back; a restore of an older database is a rollback to a savepoint, with media as they were
then and with keys, tombstones and journal as they are now.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from audit import actors
from audit.clock import ClockImplausible
from audit.consents import Terms
from audit.erasure_models import Tombstone
from audit.hold_models import ClockMark
from audit.holds import Held as HoldOn
from audit.keystore import default_keystore
from audit.models import ConsentRecord, DataSubject, RetentionPolicy
from deploy.paths import Paths
from retrieval import clients, scope
from retrieval.errors import Conflict, RetrievalError
from retrieval.models import Asset, Collection
from retrieval.services.assets import asset_delete
from retrieval.services.collections import collection_update
from retrieval.services.consents import (
    consent_end,
    consent_record,
    consents_due,
    subject_hold,
    subject_register,
    subject_release,
)
from retrieval.services.content import rendition_open
from retrieval.services.dataset_files import dataset_opened
from retrieval.services.datasets import dataset_build
from retrieval.services.erasure_run import erasure_run
from retrieval.services.erasures import erasure_approve, erasure_refuse, erasure_request
from retrieval.services.holds import hold_place, hold_release
from retrieval.services.ingest import asset_upload
from retrieval.services.linking import subject_unlink, subjects_link
from retrieval.services.purge import purge
from retrieval.services.restoring import restored_apply
from retrieval.services.search import SearchRequest, search_run
from retrieval.services.stages import stage_run
from retrieval.services.sweep import sweep
from retrieval.states import RESTING, STAGE_OF, State
from retrieval.uploads import upload_from
from tests.factories import grant, make_collection, make_user
from tests.fakes import FakeModels, FakeRedaction
from tests.governance.places import (
    Lies,
    everywhere,
    key_lives,
    moments,
    time_passes,
    vectors_of_nothing,
)
from tests.governance.reference import Given, Held, Person, Reference, Thing

WORDS = "an ibex upon a ridge"
PURPOSES = ("search", "training")
MOST_THINGS, MOST_PEOPLE = 6, 3
_REST = frozenset(RESTING) - {State.SEARCHABLE}
_numbers = itertools.count(1)
pick = st.integers(0, 5)


class Governance(RuleBasedStateMachine):
    """Two collections, a few assets with people in them, and everybody who decides about them."""

    table: ClassVar[str] = ""
    steps: ClassVar[Counter] = Counter()
    sent: ClassVar[list] = []
    catalogue: ClassVar = staticmethod(lambda: None)

    @initialize(people=st.lists(pick, max_size=2))
    def begin(self, people):
        self.folder = Path(tempfile.mkdtemp(prefix="vitrine-governance-"))
        self.paths_before = settings.PATHS
        settings.PATHS = Paths(self.folder / "data")
        self._forget()
        self.sent.clear()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.redaction, self.models = FakeRedaction(), FakeModels()
        self.servers = clients.override(redaction=self.redaction, models=self.models)
        self.servers.__enter__()
        self.catalogue()
        self.ref = Reference()
        self.governor = make_user(is_governor=True)
        self.other = make_user(is_governor=True)
        self.curator = make_user()
        for number in range(2):
            home = make_collection(retention_policy=None)
            self.ref.homes[number] = home.pk
            for holder, role in (
                (self.governor, "steward"),
                (self.other, "steward"),
                (self.curator, "curator"),
            ):
                grant(home, holder, role)
        self.requests: list[tuple[UUID, str, UUID]] = []
        self.search_ids: list[tuple[UUID, frozenset[UUID]]] = []
        self.backup: tuple | None = None
        self.versions: list[str] = []
        self.columns = moments()
        self.frozen: dict[UUID, Lies] = {}
        # Something is there from the beginning, so that there is something to decide about.
        self.somebody()
        self.upload(0, people)
        self.upload(1, [])
        self.work_until_all_rest()

    def teardown(self):
        if hasattr(self, "example"):
            self.servers.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.example.__exit__(None, None, None)
            settings.PATHS = self.paths_before
            shutil.rmtree(self.folder)
            self._forget()

    @staticmethod
    def _forget():
        """What a process that starts does not know."""
        default_keystore.cache_clear()
        actors._known.clear()
        cache.clear()

    # --- helpers -----------------------------------------------------------------------------

    def _some(self, things, number):
        return things[number % len(things)] if things else None

    def _room(self):
        return len(self.ref.living()) < MOST_THINGS

    def _withdrawable(self):
        living = [p for p in self.ref.people.values() if not p.erased]
        return [g for p in living for g in p.given if g.taken_back is None]

    def _thing(self, number):
        return self._some(list(self.ref.things.values()), number)

    def _person(self, number):
        living = [pk for pk, one in self.ref.people.items() if not one.erased]
        return self._some(living, number)

    def _committed(self):
        """What the commit would do: callbacks, in order, until there are none."""
        while connection.run_on_commit:
            waiting, connection.run_on_commit = connection.run_on_commit, []
            for _, act, *_ in waiting:
                act()

    def _state(self, thing):
        with scope.system():
            return Asset.objects.filter(pk=thing.id).values_list("state", flat=True).first()

    def _done(self, name):
        type(self).steps[name] += 1
        self._committed()

    def _keep_what_is_held(self):
        """What a hold reaches now must look the same after the next step."""
        lies = everywhere(self.table)
        self.frozen = {t.id: lies[t.id] for t in self.ref.living() if self.ref.held(t)}

    def _held_is_untouched(self):
        lies = everywhere(self.table)
        for asset_id, before in self.frozen.items():
            assert lies[asset_id] == before, "a hold was no hold"
        self.frozen = {}

    # --- uploads and stages ------------------------------------------------------------------

    @precondition(lambda self: self._room())
    @rule(home=st.integers(0, 1), people=st.lists(pick, max_size=2))
    def upload(self, home, people):
        text = f"{WORDS}\nnumber {next(_numbers)} of a@b.org"
        self._upload(home, text, {one for n in people if (one := self._person(n))})
        self._done("upload")

    def _upload(self, home, text, people):
        upload = upload_from(iter([text.encode()]), name="a.txt")
        asset, new = asset_upload(
            user=self.curator,
            collection_id=self.ref.homes[home],
            upload=upload,
            subjects=list(people),
        )
        if new:
            assert asset.pk not in self.ref.things, "an id came back"
            self.ref.things[asset.pk] = Thing(asset.pk, home, text)
        thing = self.ref.things[asset.pk]
        assert not thing.erased, "an erased thing answers for its content"
        thing.people |= people
        return thing

    @precondition(lambda self: self.ref.things and self._room())
    @rule(number=pick, people=st.lists(pick, max_size=1))
    def upload_again(self, number, people):
        """The same content once more, also of what was erased: that is another thing then."""
        thing = self._thing(number)
        if thing is None:
            return
        people = {one for n in people if (one := self._person(n))}
        again = self._upload(thing.home, thing.text, people)
        assert (again is thing) == (not thing.erased)
        self._done("upload again")

    @precondition(lambda self: self.ref.things)
    @rule(number=pick, stage=st.sampled_from(["redact", "verify", "embed"]))
    def work(self, number, stage):
        thing = self._thing(number)
        if thing is not None:
            self._work(thing, stage)
            self._done("work")

    def _work(self, thing, stage):
        seen = len(self.redaction.calls), len(self.models.calls)
        stage_run(stage=stage, asset_id=thing.id)
        if thing.erased or not self.ref.permits(thing):
            assert seen == (len(self.redaction.calls), len(self.models.calls)), (
                "a task worked on what is not permitted"
            )

    @precondition(lambda self: self.ref.things)
    @rule(number=pick)
    def deliver(self, number):
        """A message that was queued at some time arrives, perhaps once more."""
        messages = [(stage, pk) for stage, pk in self.sent if stage in STAGE_OF.values()]
        if not messages:
            return
        stage, asset_id = self._some(messages, number)
        thing = self.ref.things.get(UUID(asset_id))
        if thing is not None:
            self._work(thing, stage)
        self._done("deliver")

    @rule()
    def work_until_all_rest(self):
        for thing in self.ref.living():
            for _ in STAGE_OF:
                stage = STAGE_OF.get(State(self._state(thing) or State.ERASED))
                if stage:
                    self._work(thing, stage)
                    self._committed()
        self._done("work all")

    @rule()
    def sweep_up(self):
        sweep()
        self._done("sweep")

    # --- people ------------------------------------------------------------------------------

    @precondition(lambda self: len(self.ref.people) < MOST_PEOPLE)
    @rule()
    def somebody(self):
        made = subject_register(by=self.governor, identifier=f"p{next(_numbers)}@example.org")
        self.ref.people[made.subject.id] = Person()
        self._done("somebody")

    @precondition(lambda self: self.ref.living() and self._person(0))
    @rule(number=pick, person=pick)
    def link(self, number, person):
        thing, one = self._thing(number), self._person(person)
        if thing is None or one is None or thing.erased:
            return
        subjects_link(by=self.governor, asset_id=thing.id, subject_ids=[one])
        thing.people.add(one)
        self._done("link")

    @precondition(lambda self: any(t.people for t in self.ref.living()))
    @rule(number=pick)
    def unlink(self, number):
        thing = self._thing(number)
        if thing is None or thing.erased or not thing.people:
            return
        one = min(thing.people)
        subject_unlink(by=self.governor, asset_id=thing.id, subject_id=one)
        thing.people.discard(one)
        self._done("unlink")

    @precondition(lambda self: self._person(0))
    @rule(
        person=pick,
        purposes=st.sampled_from([("search",), ("training",), PURPOSES, PURPOSES]),
        begins=st.sampled_from([0.0, 0.0, 0.0, 2.0]),
        lasts=st.sampled_from([None, None, 1.0, 5.0]),
        basis=st.sampled_from(["consent", "contract"]),
        anew=st.booleans(),
    )
    def permit(self, person, purposes, begins, lasts, basis, anew):
        one = self._person(person)
        if one is None:
            return
        who = self.ref.people[one]
        start = self.ref.now + begins
        end = None if lasts is None else start + lasts
        before = next((g for g in reversed(who.given) if g.taken_back is None), None)
        before = before if anew else None
        now = timezone.now()
        done = consent_record(
            by=self.governor,
            subject_id=one,
            terms=Terms(
                purposes=list(purposes),
                legal_basis=basis,
                starts_at=now + timedelta(days=begins),
                expires_at=None if lasts is None else now + timedelta(days=begins + lasts),
            ),
            supersedes=before.id if before else None,
        )
        if before is not None:
            same = [g for g in who.given if g.series == before.series]
            newest = same[-1]
            newest.end = start if newest.end is None else min(newest.end, start)
        given = Given(
            done.record.id, done.record.series, frozenset(purposes), start, end, self.ref.next()
        )
        who.given.append(given)
        self._done("permit")

    @precondition(lambda self: self._withdrawable())
    @rule(number=pick)
    def withdraw(self, number):
        given = self._some(self._withdrawable(), number)
        one = next(pk for pk, who in self.ref.people.items() if given in who.given)
        consent_end(by=self.governor, consent_id=given.id, how="letter")
        order = self.ref.next()
        for other in self.ref.people[one].given:
            if other.series == given.series and other.taken_back is None:
                other.taken_back = order
        self._done("withdraw")

    @precondition(lambda self: self._person(0))
    @rule(person=pick, how=st.sampled_from(["restricted", "objected"]))
    def forbid(self, person, how):
        one = self._person(person)
        if one is None or getattr(self.ref.people[one], how):
            return
        subject_hold(by=self.governor, subject_id=one, hold=how)
        setattr(self.ref.people[one], how, True)
        self._done("forbid")

    @precondition(lambda self: any(p.restricted or p.objected for p in self.ref.people.values()))
    @rule(person=pick)
    def lift(self, person):
        one = self._person(person)
        who = self.ref.people.get(one)
        if who is None or not (who.restricted or who.objected):
            return
        subject_release(by=self.governor, subject_id=one)
        who.restricted = who.objected = False
        self._done("lift")

    @precondition(lambda self: self._person(0))
    @rule(
        person=pick, number=pick, purposes=st.sampled_from([("search",), ("training",), PURPOSES])
    )
    def permit_and_withdraw(self, person, number, purposes):
        """In somebody who is found in something."""
        self.permit(person, purposes, 0.0, None, "consent", anew=False)
        if self.ref.living():
            self.link(number, person)
        self.withdraw(len(self._withdrawable()) - 1)

    @rule()
    def consents_turn(self):
        consents_due()
        self._done("consents turn")

    # --- policies and time -------------------------------------------------------------------

    @rule(home=st.integers(0, 1), purpose=st.sampled_from(PURPOSES), required=st.booleans())
    def purposes_change(self, home, purpose, required):
        with scope.system():
            purposes = dict(Collection.objects.get(pk=self.ref.homes[home]).purposes)
        consent = "required" if required else "not_required"
        purposes[purpose] = {"consent": consent, "legal_basis": "consent"}
        collection_update(by=self.governor, collection_id=self.ref.homes[home], purposes=purposes)
        self.ref.required[home, purpose] = required
        self._done("purposes")

    @rule(
        home=st.integers(0, 1),
        rules=st.lists(
            st.fixed_dictionaries(
                {
                    "what": st.sampled_from(["raw", "rendition", "vectors", "thumbnail"]),
                    "after_days": st.sampled_from([0, 2, 6]),
                }
            ),
            unique_by=lambda one: one["what"],
            max_size=2,
        ),
    )
    def periods_change(self, home, rules):
        policy = RetentionPolicy.objects.create(name=f"policy {next(_numbers)}", rules=rules)
        collection_update(
            by=self.governor, collection_id=self.ref.homes[home], retention_policy=policy.pk
        )
        self._done("periods")

    @rule(days=st.sampled_from([0.5, 1.0, 3.0, 7.0, -1.0]))
    def time(self, days):
        time_passes(self.columns, days)
        self.ref.now += days
        self._done("time")

    @rule(days=st.sampled_from([-3.0, 30.0]))
    def the_clock_jumps(self, days):
        """Somebody sets the clock: nothing is destroyed by it until it is right again."""
        with scope.system():
            ClockMark.objects.update(at=timezone.now() - timedelta(days=days))
            known = ClockMark.objects.exists()
        before = everywhere(self.table)
        if known:
            try:
                purge()
            except ClockImplausible:
                pass
            else:
                raise AssertionError("purged by a clock that jumped")
            assert everywhere(self.table) == before
            with scope.system():
                ClockMark.objects.all().delete()
        self._done("clock")

    @precondition(lambda self: self.ref.things)
    @rule()
    def purge_what_is_due(self):
        self._keep_what_is_held()
        purge()
        self._committed()
        self._held_is_untouched()
        self._done("purge")

    # --- holds -------------------------------------------------------------------------------

    @precondition(lambda self: len(self.ref.holds) < 3)
    @rule(what=st.sampled_from(["asset", "asset", "collection", "subject", "query"]), number=pick)
    def hold(self, what, number):
        hits: frozenset[UUID] = frozenset()
        if what == "asset":
            thing = self._some(self.ref.living(), number)
            on = thing.id if thing else None
        elif what == "collection":
            on = self.ref.homes[number % 2]
        elif what == "subject":
            on = self._person(number)
        else:
            on, hits = self._some(self.search_ids, number) or (None, hits)
        if on is None or len(self.ref.holds) >= 4:
            return
        made = hold_place(user=self.governor, on=HoldOn(**{what: on}), reason="A case")
        self.ref.holds[made.id] = Held(made.id, what, on, hits)
        self._done("hold")

    @precondition(lambda self: self.ref.holds)
    @rule(number=pick)
    def release(self, number):
        hold = self._some(list(self.ref.holds.values()), number)
        if hold is None:
            return
        hold_release(user=self.other, hold_id=hold.id, reason="It is over")
        del self.ref.holds[hold.id]
        self._done("release")

    # --- erasure -----------------------------------------------------------------------------

    @precondition(lambda self: self.ref.living())
    @rule(number=pick, person=st.booleans())
    def ask_to_erase(self, number, person):
        thing = self._some(self.ref.living(), number)
        one = self._person(number)
        if (one is None) if person else (thing is None):
            return
        target = {"subject_id": one} if person else {"asset_id": thing.id}
        request = erasure_request(by=self.governor, **target)
        kind = "subject" if person else "asset"
        entry = (request.pk, kind, one if person else thing.id)
        if entry not in self.requests:
            self.requests.append(entry)
        self._done("erasure asked")

    @precondition(lambda self: self.requests)
    @rule(number=pick, refuse=st.sampled_from([False, False, True]))
    def decide_on_erasure(self, number, refuse):
        entry = self._some(self.requests, number)
        if entry is None:
            return
        try:
            if refuse:
                erasure_refuse(by=self.other, request_id=entry[0])
            else:
                erasure_approve(by=self.other, request_id=entry[0])
        except Conflict:
            return
        if refuse:
            self.requests.remove(entry)
        self._done("erasure decided")

    @precondition(lambda self: self.requests)
    @rule(number=pick)
    def run_erasure(self, number):
        entry = self._some(self.requests, number)
        if entry is None:
            return
        request_id, kind, target = entry
        self._keep_what_is_held()
        people = {pk for pk in self.ref.people if self.ref.held_person(pk)}
        ran = erasure_run(request_id=request_id)
        self._committed()
        self._held_is_untouched()
        lies = everywhere(self.table)
        gone = {t.id for t in self.ref.living() if lies[t.id].state == State.ERASED}
        meant = (
            {t.id for t in self.ref.living() if target in t.people}
            if kind == "subject"
            else {target}
        )
        assert gone <= meant, "something else was erased"
        if ran:
            due = {t.id for t in self.ref.living() if t.id in meant and not self.ref.held(t)}
            assert due <= gone, "an erasure left something"
        self._note_erased(lies)
        if kind == "subject" and ran:
            with scope.system():
                done = Tombstone.objects.filter(kind="subject", object_id=target).exists()
            if done:
                assert target not in people, "a held person was erased"
                self.ref.people[target].erased = True
        self._done("erasure run")

    @precondition(lambda self: self.ref.things)
    @rule(number=pick)
    def delete(self, number):
        thing = self._some(self.ref.living(), number)
        if thing is None:
            return
        held = self.ref.held(thing)
        try:
            asset_delete(user=self.curator, asset_id=thing.id)
        except Conflict:
            assert held
            return
        assert not held, "what is held was deleted"
        self._committed()
        self._note_erased(everywhere(self.table))
        self._done("delete")

    def _note_erased(self, lies):
        for thing in self.ref.living():
            if thing.id in lies and lies[thing.id].state == State.ERASED:
                thing.erased = True

    @precondition(lambda self: self.ref.living())
    @rule(number=pick, person=st.booleans())
    def erase_to_the_end(self, number, person):
        self.ask_to_erase(number, person)
        for which in range(len(self.requests)):
            self.decide_on_erasure(which, refuse=False)
            self.run_erasure(which)

    # --- training ----------------------------------------------------------------------------

    @precondition(lambda self: self.ref.living())
    @rule(home=st.integers(0, 1))
    def train(self, home):
        """A version is built, and every version there is opened as a job would."""
        ids = {t.id for t in self.ref.living() if t.home == home}
        with scope.system():
            Asset.objects.filter(id__in=ids, modality="text").update(modality="image")
        try:
            made = dataset_build(collection_id=self.ref.homes[home], name=f"home-{home}")
            self.versions.append(made.ref)
        except Conflict:
            pass
        for ref in self.versions:
            try:
                rows = dataset_opened(ref).rows
            except Conflict:
                rows = ()
            for row in rows:
                thing = self.ref.things[row.asset_id]
                assert not thing.erased
                assert self.ref.permits(thing, "training"), "trained on what is not permitted"
        with scope.system():
            Asset.objects.filter(id__in=ids, modality="image").update(modality="text")
        self._done("train")

    # --- backup and restore ------------------------------------------------------------------

    @precondition(lambda self: self.backup is None)
    @rule()
    def back_up(self):
        media = settings.PATHS.media
        if media.exists():
            shutil.copytree(media, self.folder / "backup")
        purposes = dict(self.ref.required)
        known = (set(self.ref.things), {g.id for p in self.ref.people.values() for g in p.given})
        self.backup = (transaction.savepoint(), purposes, known, set(self.ref.holds), self.ref.now)
        self._done("backup")

    @precondition(lambda self: self.backup is not None)
    @rule()
    def restore(self):
        """The database and the media of then; keys, tombstones and the journal of now."""
        point, _, (things, given), _, then = self.backup
        self.backup = None
        transaction.savepoint_rollback(point)
        connection.run_on_commit = []
        shutil.rmtree(settings.PATHS.media, ignore_errors=True)
        if (self.folder / "backup").exists():
            (self.folder / "backup").rename(settings.PATHS.media)
        self._forget()
        if self.ref.now != then:  # the time since has passed for what came back too
            time_passes(self.columns, self.ref.now - then)
        self.sent.clear()
        for asset_id in [pk for pk in self.ref.things if pk not in things]:
            if not self.ref.things[asset_id].erased:
                del self.ref.things[asset_id]
        for person in self.ref.people.values():
            person.given = [g for g in person.given if g.id in given or g.taken_back is not None]
            for one in person.given:  # a later version that is lost took nobody's place
                one.end = self._end_in_the_database(one)
        self.versions, self.search_ids = [], []
        restored_apply()
        self._committed()
        self.requests = []
        self._forget_lost_people()
        self._done("restore")

    def _end_in_the_database(self, given):
        with scope.system():
            row = ConsentRecord.objects.filter(id=given.id).first()
        if row is None:
            return given.end
        ends = [at for at in (row.expires_at, row.superseded_at) if at is not None]
        if not ends:
            return None
        return self.ref.now + (min(ends) - timezone.now()).total_seconds() / 86400

    def _forget_lost_people(self):
        with scope.system():
            there = set(DataSubject.objects.values_list("id", flat=True))
        for person in [pk for pk in self.ref.people if pk not in there]:
            assert not any(person in t.people for t in self.ref.living()), "somebody got lost"
            del self.ref.people[person]

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def what_must_hold(self):
        if not hasattr(self, "ref"):
            return
        lies = everywhere(self.table)
        assert vectors_of_nothing(self.table) == 0
        for thing in self.ref.things.values():
            self._looked(thing, lies.get(thing.id))
        assert {t.id for t in self.ref.living()} <= set(lies)
        strangers = set(lies) - set(self.ref.things)
        assert not strangers, "an asset nobody knows of"
        with scope.system():
            tombs = set(Tombstone.objects.filter(kind="asset").values_list("object_id", flat=True))
        assert {t.id for t in self.ref.things.values() if t.erased} <= tombs
        self._searched(lies)

    def _looked(self, thing, here):
        if thing.erased:
            assert not key_lives(thing.id), "a key of something erased lives"
            if here is not None:
                rest = (here.state, here.segments, here.vectors, here.words, here.blobs)
                assert rest == (State.ERASED, 0, 0, 0, frozenset()), "something erased returned"
            return
        assert here is not None, "an asset was lost"
        state = State(here.state)
        assert state is not State.ERASED, "something was erased that nobody asked for"
        if state is not State.SEARCHABLE:
            assert (here.vectors, here.words) == (0, 0), "found, though it is not searchable"
        if state in _REST:
            assert here.reason, "an asset rests without a reason"
        if state is State.PURGED:
            assert not here.blobs, "something purged is still there"

    def _searched(self, lies):
        answer = search_run(
            user=self.curator, request=SearchRequest(text=WORDS, purpose="search", top_k=100)
        )
        hits = [hit.asset.id for hit in answer.hits]
        assert len(set(hits)) == len(hits)
        self.search_ids = [*self.search_ids[-2:], (answer.search_id, frozenset(hits))]
        for asset_id in hits:
            thing = self.ref.things[asset_id]
            assert not thing.erased, "a hit of something erased"
            assert self.ref.permits(thing), "a hit that somebody forbids"
        for thing in self.ref.living():
            here = lies[thing.id]
            if here.state == State.SEARCHABLE and self.ref.permits(thing) and here.vectors:
                assert thing.id in hits, "what is permitted and searchable is not found"
            elif thing.id not in hits and here.state == State.SEARCHABLE:
                self._not_shown(thing)

    def _not_shown(self, thing):
        if self.ref.permits(thing):
            return
        try:
            rendition_open(user=self.curator, asset_id=thing.id).stream.close()
        except RetrievalError:
            return
        raise AssertionError("content of what is forbidden was shown")
