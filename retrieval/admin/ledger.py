"""The console's pages on the ledger: whether it holds, its witnesses, checkpoints on paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import rfc8785
import segno
from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.safestring import mark_safe

from audit.api.serializers import VERIFY_AT_MOST
from audit.chaining import pending_count
from audit.checkpoint_models import Checkpoint
from audit.checkpoints import NotCovered, checkpoint_now
from audit.checkpoints.delivery import deliver_due
from audit.checkpoints.health import WitnessState, witness_state
from audit.models import LedgerEntry
from audit.scope import actor_of
from audit.verification import LedgerCheck, ledger_verify
from retrieval.admin.console.asking import Asking, Touched
from retrieval.admin.console.layout import Button, Card, Cell, Figure, Tab, Table
from retrieval.admin.console.pages import ConsolePage, console_page

_SHOWN = 50


class _Governors(ConsolePage):
    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor


class _OfLedger(_Governors):
    def crumbs(self) -> Sequence[Tab]:
        """Below the ledger's page."""
        return [Tab("Ledger", reverse("admin:console_ledger"))]


@console_page("ledger/", "console_ledger")
class Ledger(_Governors):
    """How the ledger and its witnesses stand."""

    title = "Ledger"
    lead = (
        "What happened, in a chain that nobody can change unnoticed up to the last checkpoint that"
        " is kept elsewhere."
    )

    def buttons(self) -> Sequence[Button]:
        """To check it here, to sign it, and to have it checked elsewhere."""
        return [
            Button("Verify", reverse("admin:console_ledger_verify"), "primary"),
            Button("Sign a checkpoint now", reverse("admin:console_ledger_sign")),
            Button("Entries", reverse("admin:audit_ledgerentry_changelist")),
            Button("Export (JSON lines)", reverse("audit-export")),
            Button("Stand-alone verifier", reverse("audit-verifier")),
            Button("Public key", reverse("audit-key")),
        ]

    def cards(self) -> Sequence[Card]:
        """Health first."""
        state = witness_state()
        return [_health(state), _sinks(state), _checkpoints()]


@console_page("ledger/verify/", "console_ledger_verify")
class Verify(_OfLedger):
    """A part of the ledger, verified now."""

    title = "Verify the ledger"
    lead = (
        f"Recomputes every hash from the stored fields, {VERIFY_AT_MOST:,} entries at a time. The"
        " whole at once, against checkpoints kept elsewhere: manage.py ledger verify."
    )

    def load(self) -> None:
        """Verifies; a number that is none begins at the beginning."""
        asked = self.request.GET.get("after", "0")
        after = int(asked) if asked.isdecimal() and len(asked) < len(str(2**53)) else 0
        self.found: LedgerCheck = ledger_verify(after_seq=after, limit=VERIFY_AT_MOST)

    def buttons(self) -> Sequence[Button]:
        """On, where there is more."""
        if self.found.complete or self.found.fault:
            return []
        address = f"{reverse('admin:console_ledger_verify')}?after={self.found.head_seq}"
        return [Button("Go on", address, "primary")]

    def cards(self) -> Sequence[Card]:
        """The verdict."""
        found, late = self.found, self.found.backwards
        fault = found.fault
        figures = [
            Figure("Entries that hold", found.entries, tone="bad" if fault else "good"),
            Figure("From", found.after_seq + 1 if found.entries else "-"),
            Figure("To", found.head_seq),
        ]
        if fault is not None:
            figures.insert(0, Figure("First bad number", fault.seq, tone="bad", note=fault.reason))
        if late.entries:
            note = f"at most {late.most_seconds:.3f} s, entry {late.at_seq}"
            figures.append(Figure("Earlier than one before them", late.entries, note=note))
        text = f"The hash of entry {found.head_seq}: {found.head_hash.hex()}"
        return [Card("What was found", text=text if found.entries else "", figures=figures)]


@console_page("ledger/sign/", "console_ledger_sign")
class Sign(Asking):
    """A checkpoint of what is there now."""

    title, verb = "Sign a checkpoint", "Sign it"
    lead = "One is signed each hour, and every so many entries, anyway."

    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor

    def touches(self, given: dict[str, Any]) -> Touched:
        """How many entries are new to it."""
        state = witness_state()
        return Touched(counts=[("entries since the last checkpoint", state.uncovered)])

    def do(self, given: dict[str, Any]) -> str:
        """Signs, and sends it on."""
        made = checkpoint_now(by=actor_of(self.user))
        if made is None:
            return "The ledger is empty."
        deliver_due()
        return f"A checkpoint of {made.tree_size:,} entries is signed."

    def back(self) -> str:
        """The ledger's page."""
        return reverse("admin:console_ledger")


@console_page("ledger/checkpoints/<int:size>/", "console_checkpoint")
class Paper(_OfLedger):
    """A checkpoint as a page to print: paper in a safe is a witness without a network."""

    template = "admin/console/checkpoint.html"

    def load(self) -> None:
        """The checkpoint."""
        found = Checkpoint.objects.filter(tree_size=self.target["size"]).first()
        if found is None:
            raise NotCovered("There is no such checkpoint.")
        self.checkpoint = found
        self.title = f"Checkpoint of {found.tree_size:,} entries"

    def buttons(self) -> Sequence[Button]:
        """The same as a file."""
        address = reverse("admin:console_checkpoint_file", args=[self.checkpoint.pk])
        return [Button("As a file (JSON)", address)]

    def context(self) -> dict[str, Any]:
        """The code holds the document itself, so a scanner's text is what the verifier takes."""
        one = self.checkpoint
        code = segno.make(_text(one), error="m", micro=False)
        drawn = code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
        return {
            "checkpoint": one,
            "signature": one.document["signature"]["signature"],
            "root": _fours(one.root),
            "head_hash": _fours(one.head_hash),
            "code": mark_safe(drawn),  # noqa: S308 - drawn by segno from our own hashes
        }


@console_page("ledger/checkpoints/<int:size>/file/", "console_checkpoint_file")
class File(Paper):
    """The document as it was signed."""

    def answer(self) -> HttpResponseBase:
        """A download."""
        answer = HttpResponse(_text(self.checkpoint), content_type="application/json")
        name = f"checkpoint-{self.checkpoint.tree_size:012d}.json"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


def _text(checkpoint: Checkpoint) -> str:
    form: bytes = rfc8785.dumps(checkpoint.document)
    return form.decode()


def _fours(digits: str) -> str:
    """Hexadecimal digits in groups, as people read them to each other."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _health(state: WitnessState) -> Card:
    entries = LedgerEntry.objects.count()
    pending = pending_count()
    last = state.last
    figures = [
        Figure("Entries", entries, reverse("admin:audit_ledgerentry_changelist")),
        Figure("Wait for the chain", pending, note="about a second each"),
        Figure(
            "Last checkpoint",
            last.tree_size if last else "none yet",
            reverse("admin:console_checkpoint", args=[last.pk]) if last else "",
            note=f"signed {last.signed_at:%Y-%m-%d %H:%M} UTC" if last else "",
            tone="bad" if state.overdue else "good" if last else "",
        ),
        Figure("Entries since", state.uncovered, note="not yet under a checkpoint"),
    ]
    if state.unfinished_rotation:
        note = "manage.py ledger rotate-key finishes it"
        figures.append(Figure("Signing key", "change cut off", note=note, tone="bad"))
    return Card("Health", figures=figures)


def _sinks(state: WitnessState) -> Card:
    rows = [
        [
            one.name,
            Cell("alarm", tone="bad") if one.alarm else Cell("waits" if one.waiting else "well",
                 tone="warn" if one.waiting else "good"),
            one.waiting,
            one.delivered_at,
            f"{one.problem}, {one.tries} tries" if one.problem else "",
        ]
        for one in state.sinks
    ]  # fmt: skip
    head = ["Where", "State", "Waiting", "Last taken", "Trouble"]
    empty = "No place outside the database is configured (VITRINE_CHECKPOINT_SINKS)."
    return Card("Witnesses", table=Table(head, rows, caption="Witnesses", empty=empty))


def _checkpoints() -> Card:
    rows = [
        [
            Cell(one.tree_size, reverse("admin:console_checkpoint", args=[one.pk]), number=True),
            _time(one.signed_at),
            one.root[:16],
            one.key_id[:8],
            _time(one.latest_at),
        ]
        for one in Checkpoint.objects.all()[:_SHOWN]
    ]
    head = ["Entries", "Signed (UTC)", "Root begins", "Key", "Latest entry (UTC)"]
    return Card(
        "Checkpoints",
        text=f"The newest {_SHOWN}; all of them by REST, audit/checkpoints/.",
        table=Table(head, rows, caption="Checkpoints", empty="None was signed yet."),
    )


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
