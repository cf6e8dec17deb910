"""Records of consent from a CSV file: checked as a whole, then written as a whole or not at all.

What is wrong is told by line and column; what a line says is repeated nowhere.

Columns, by their names in the first line, in any order: ``identifier`` or ``subject`` (the random
id), and ``purposes``; optionally ``legal_basis``, ``special_condition``, ``starts_at``,
``expires_at`` (ISO 8601; a day alone is its beginning in UTC), ``data_categories``, ``recipients``,
``jurisdictions``, ``controller``, ``controller_contact``, ``storage_location``,
``collection_method``, ``withdrawal_method``, ``notice_ref``, ``language``. Several values in one
cell are separated by ``;``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts.models import User
from accounts.trail import actor_id
from audit import consents, subjects
from audit.consents import ConsentInvalid, Terms
from audit.subject_models import ConsentRecord, DataSubject
from retrieval import access, scope
from retrieval.errors import Invalid
from retrieval.services.withholding import Reconsidered, reconsider, would_change

MOST_BYTES: Final = 20_000_000
MOST_ROWS: Final = 100_000
MOST_PROBLEMS: Final = 100
_LISTS: Final = ("purposes", "data_categories", "recipients", "jurisdictions")
_MOMENTS: Final = ("starts_at", "expires_at")
_WORDS: Final = (
    *("legal_basis", "special_condition", "controller", "controller_contact", "storage_location"),
    *("collection_method", "withdrawal_method", "notice_ref", "language"),
)
_WHO: Final = ("identifier", "subject")
COLUMNS: Final = (*_WHO, *_LISTS, *_MOMENTS, *_WORDS)
# What two records must share for one to be the other, imported before.
_SAME: Final = ("purposes", "legal_basis", "special_condition", "expires_at", "notice_ref")


@dataclass(frozen=True)
class Problem:
    """What is wrong in one line of the file, counted from 1; never what the line says."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        """A sentence."""
        return f"line {self.line}, {self.column}: {self.message}"


@dataclass
class Imported:
    """What was done, or with ``dry_run`` would be; nothing where there are ``problems``."""

    records: int = 0
    subjects: int = 0  # new ones
    already: int = 0  # recorded before, left alone
    problems: list[Problem] = field(default_factory=list)
    changed: Reconsidered = field(default_factory=Reconsidered)


@dataclass(frozen=True)
class _Row:
    line: int
    identifier: str
    subject: UUID | None
    terms: Terms


def consents_import(*, by: User | None, data: bytes, dry_run: bool = False) -> Imported:
    """The file's records, each of the subject of its identifier, made where there was none.

    ``by`` None: the operator's command.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor.
        Invalid: no such file at all: not UTF-8, too large, without or with unknown columns.
    """
    actor = None
    if by is not None:
        access.require_governor(user=by)
        actor = actor_id(by)
    rows, problems = _read(data)
    with scope.system():
        problems += _unknown_subjects(rows)
    if problems:
        problems.sort(key=lambda one: one.line)
        return Imported(problems=problems[:MOST_PROBLEMS])
    made = Imported()

    def write() -> Reconsidered:
        return _write(rows, made, actor, dry_run=dry_run)

    if dry_run:
        would_change(write)
    else:
        with scope.system():
            write()
    return made


def _write(
    rows: Sequence[_Row], made: Imported, actor: UUID | None, *, dry_run: bool
) -> Reconsidered:
    touched: set[UUID] = set()
    unseen: set[bytes] = set()
    for row in rows:
        subject = _subject_of(row, made, actor, unseen, dry_run=dry_run)
        if subject is None:  # somebody new, of whom nothing is here yet
            made.records += 1
            continue
        subject = subjects.subject_locked(subject.id)
        if _known(subject, row.terms):
            made.already += 1
            continue
        consents.consent_create(subject=subject, terms=row.terms, by=actor)
        made.records += 1
        touched.add(subject.id)
    for subject_id in sorted(touched):
        _add(made.changed, reconsider(subject_id=subject_id, by=actor, dry_run=dry_run))
    return made.changed


def _subject_of(
    row: _Row, made: Imported, actor: UUID | None, unseen: set[bytes], *, dry_run: bool
) -> DataSubject | None:
    """The row's subject; None where it would be made, but this is a trial and no key is made."""
    if row.subject is not None:
        return DataSubject.objects.get(id=row.subject)
    if not dry_run:
        one = subjects.subject_create(by=actor, identifier=row.identifier)
        made.subjects += one.new
        return one.subject
    found = subjects.subject_find(identifier=row.identifier)
    if found is None:
        blind = subjects.blind_of(row.identifier)
        made.subjects += blind not in unseen
        unseen.add(blind)
    return found


def _known(subject: DataSubject, terms: Terms) -> bool:
    """Whether the very same is recorded and stands, as after a file that was brought twice."""
    same: dict[str, Any] = {name: getattr(terms, name) for name in _SAME}
    same["purposes"] = [name for name in consents.PURPOSES if name in terms.purposes]
    if terms.starts_at is not None:
        same["starts_at"] = terms.starts_at
    rows = ConsentRecord.objects.filter(subject=subject.id, **same)
    return rows.filter(withdrawn_at=None, superseded_at=None, expired_at=None).exists()


def _add(all_of_it: Reconsidered, one: Reconsidered) -> None:
    all_of_it.withheld += one.withheld
    all_of_it.returned += one.returned
    all_of_it.reasons |= one.reasons
    all_of_it.homes |= one.homes


def _read(data: bytes) -> tuple[list[_Row], list[Problem]]:
    if len(data) > MOST_BYTES:
        raise _no_file(f"The file has more than {MOST_BYTES} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _no_file("The file is not UTF-8.") from None
    if "\0" in text:
        raise _no_file("The file is not text.")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="", restval="")
    rows: list[_Row] = []
    problems: list[Problem] = []
    try:
        _check_columns(reader.fieldnames or ())
        for cells in reader:
            line = reader.line_num
            if len(rows) + len(problems) >= MOST_ROWS:
                raise _no_file(f"The file has more than {MOST_ROWS} lines.")
            row, wrong = _parse(line, cells)
            problems += [Problem(line, column, message) for column, message in wrong]
            if row is not None:
                rows.append(row)
    except csv.Error:
        raise _no_file(f"Line {reader.line_num} is no line of a CSV file.") from None
    if not rows and not problems:
        raise _no_file("The file has no lines below its first.")
    return rows, problems


def _check_columns(names: Sequence[str]) -> None:
    unknown = len(set(names) - set(COLUMNS))
    if unknown or len(set(names)) != len(names):
        raise _no_file(
            f"{unknown} unknown column(s), or one twice. Known are: {', '.join(COLUMNS)}."
        )
    if "purposes" not in names or not set(_WHO) & set(names):
        raise _no_file("The first line names `purposes`, and `identifier` or `subject`.")


def _parse(line: int, cells: Mapping[str, Any]) -> tuple[_Row | None, list[tuple[str, str]]]:
    if "" in cells:
        return None, [("line", "It has more cells than the first line.")]
    given = {name: (cells.get(name) or "").strip() for name in COLUMNS}
    wrong: list[tuple[str, str]] = []
    terms: dict[str, Any] = {
        name: [part.strip() for part in given[name].split(";") if part.strip()] for name in _LISTS
    }
    for name in _MOMENTS:
        terms[name] = _moment(given[name])
        if given[name] and terms[name] is None:
            wrong.append((name, "This is no moment: YYYY-MM-DD, or with a time."))
    terms |= {name: given[name] for name in _WORDS if given[name]}
    wrong += list(_too_long(terms))
    subject, who = _who(given)
    wrong += who
    made = Terms(**terms)
    now = timezone.now()
    try:
        consents.terms_check(made, starts_at=made.starts_at or now, now=now)
    except ConsentInvalid as error:
        told = {column for column, _ in wrong}
        wrong += [(c, m[0]) for c, m in error.fields.items() if c not in told]
    if wrong:
        return None, wrong
    return _Row(line, given["identifier"], subject, made), []


def _who(given: Mapping[str, str]) -> tuple[UUID | None, list[tuple[str, str]]]:
    if bool(given["identifier"]) == bool(given["subject"]):
        return None, [("identifier", "Name either an identifier or a subject.")]
    if given["identifier"]:
        if len(given["identifier"]) > subjects.MOST_IDENTIFIER:
            return None, [("identifier", f"At most {subjects.MOST_IDENTIFIER} characters.")]
        return None, []
    try:
        return UUID(given["subject"]), []
    except ValueError:
        return None, [("subject", "This is no id.")]


def _too_long(terms: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in terms.items():
        column = ConsentRecord._meta.get_field(name)  # noqa: SLF001  (documented)
        most = getattr(getattr(column, "base_field", column), "max_length", None)
        words = value if isinstance(value, list) else [value]
        if most and any(isinstance(one, str) and len(one) > most for one in words):
            yield name, f"At most {most} characters."


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
        day = None if found else parse_date(text)
    except ValueError:
        return None
    if day is not None:
        found = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if found is None:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _unknown_subjects(rows: Sequence[_Row]) -> list[Problem]:
    wanted = {row.subject for row in rows if row.subject is not None}
    known = set(
        DataSubject.objects.filter(id__in=wanted)
        .exclude(state=DataSubject.State.ERASED)
        .values_list("id", flat=True)
    )
    return [
        Problem(row.line, "subject", "There is no such subject.")
        for row in rows
        if row.subject is not None and row.subject not in known
    ]


def _no_file(message: str) -> Invalid:
    return Invalid(message, fields={"file": [message]})
