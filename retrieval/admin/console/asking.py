"""Actions: asked for, shown before they happen, done once, and said afterwards.

Three steps on one address. The form asks; its values travel hidden to a page with counts and the
exact list of what would be touched; the button there carries a token, signed, about this visitor,
these values and this list. Where the list has changed meanwhile it is shown again. A token is good
for one attempt that succeeds, so a second click, or a reload, does nothing more.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.cache import cache
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from retrieval.admin.base import visitor
from retrieval.admin.console.exporting import BATCH, Batch, Export, stream
from retrieval.admin.console.layout import Cell, Table
from retrieval.admin.console.pages import ConsolePage, ServiceError, refuse
from retrieval.models import Asset

ROWS_A_PAGE: Final = 25
_SALT = "console.asking"
_GOOD_FOR_SECONDS = 3600  # an hour between looking and doing; then it is shown again

Describe = Callable[[Sequence[Any]], Sequence[Sequence[object]]]


def _as_they_are(keys: Sequence[Any]) -> Sequence[Sequence[object]]:
    return [[key] for key in keys]


@dataclass(frozen=True)
class Touched:
    """What an action would touch: counts by name, and one key for each thing on the list.

    ``describe`` gives the row of each of some keys, under ``head``, for one page at a time.
    ``blocked`` says why it cannot be done; then there is no button.
    """

    counts: Sequence[tuple[str, int]] = ()
    keys: Sequence[Any] = ()
    head: Sequence[str] = ("Id",)
    describe: Describe = _as_they_are
    notes: Sequence[str] = ()
    blocked: str = ""
    caption: str = "What it touches"
    nothing: str = "Nothing changes but the record itself."
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Sets ``fingerprint``, by which a list that has changed meanwhile is known."""
        told = hashlib.sha256(json.dumps([list(one) for one in self.counts]).encode())
        for key in self.keys:
            told.update(str(key).encode() + b"\n")
        object.__setattr__(self, "fingerprint", told.hexdigest())


class NoQuestions(forms.Form):
    """For what needs no answer."""


class ReasonForm(forms.Form):
    """Why; it is recorded, so it should name nobody."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="It is recorded. Write no names or other personal data.",
    )


class Asking(ConsolePage):
    """A page that asks, shows and does; see the package for an example."""

    template = "admin/console/asking.html"
    methods = ("GET", "HEAD", "POST")
    verb = "Do it"
    danger = False
    form_class: type[forms.Form] = NoQuestions

    def initial(self) -> dict[str, Any]:
        """What the form holds at first."""
        return {}

    def make_form(self, data: Any = None) -> forms.Form:
        """The form; overridden where it needs more than its data."""
        return self.form_class(data, initial=self.initial())

    def touches(self, given: dict[str, Any]) -> Touched:
        """What ``do`` would touch with the form's cleaned data. Changes nothing."""
        raise NotImplementedError

    def do(self, given: dict[str, Any]) -> str:
        """Does it through a service and says what was done, in one sentence."""
        raise NotImplementedError

    def back(self) -> str:
        """Address to go to afterwards, or instead."""
        return reverse("admin:index")

    def answer(self) -> HttpResponseBase:
        """The step that the request is at."""
        asks = bool(self.make_form().fields)
        if self.request.method != "POST":
            return self._ask(self.make_form()) if asks else self._show(self.make_form({}))
        form = self.make_form(self.request.POST)
        if not form.is_valid() or "again" in self.request.POST:
            return self._ask(form)
        if "token" in self.request.POST:
            return self._confirmed(form)
        return self._show(form)

    def _ask(self, form: forms.Form) -> HttpResponseBase:
        return self.render(form=form, back=self.back())

    def _show(self, form: forms.Form, *, said: str = "") -> HttpResponseBase:
        if not form.is_valid():
            return self._ask(form)
        try:
            touched = self.touches(form.cleaned_data)
        except ServiceError as error:
            return self._refused(form, error)
        if "download" in self.request.POST:
            return self._download(touched)
        page = Paginator(list(touched.keys), ROWS_A_PAGE).get_page(self.request.POST.get("page"))
        rows = list(touched.describe(list(page.object_list))) if touched.keys else []
        table = Table(touched.head, rows, caption=touched.caption)
        return self.render(
            touched=touched,
            rows_page=page,
            table=table,
            hidden=[form[name].as_hidden() for name in form.fields],
            answers=_answers(form),
            token=self._token(form, touched),
            may_change=bool(form.fields),
            changed=said,
            back=self.back(),
        )

    def _confirmed(self, form: forms.Form) -> HttpResponseBase:  # noqa: PLR0911 - one a reason
        """Does it, if the list is still what was looked at and nobody has done it before."""
        try:
            token = signing.loads(self.request.POST["token"], salt=_SALT, max_age=_GOOD_FOR_SECONDS)
            touched = self.touches(form.cleaned_data)
        except signing.BadSignature:
            return self._show(form, said="It was shown too long ago: look once more.")
        except ServiceError as error:
            return self._refused(form, error)
        once = f"console-once-{token['once']}"
        if cache.get(once):
            messages.info(self.request, "That was done already.")
            return HttpResponseRedirect(self.back())
        if touched.blocked or token["about"] != self._about(form, touched):
            return self._show(form, said="What it touches has changed since you looked.")
        if not cache.add(once, 1, _GOOD_FOR_SECONDS):
            messages.info(self.request, "That is being done already.")
            return HttpResponseRedirect(self.back())
        try:
            done = self.do(form.cleaned_data)
        except BaseException as error:
            cache.delete(once)
            if isinstance(error, ServiceError):
                return self._refused(form, error)
            raise
        messages.success(self.request, done)
        return HttpResponseRedirect(self.back())

    def _refused(self, form: forms.Form, error: Any) -> HttpResponseBase:
        if error.status in {403, 404}:
            refuse(error)
        fields: Mapping[str, list[str]] = error.fields
        for name, texts in fields.items():
            form.add_error(name if name in form.fields else None, texts)
        if not fields:
            form.add_error(None, error.detail)
        return self._ask(form)

    def _about(self, form: forms.Form, touched: Touched) -> str:
        # As the form reads them: a box that is not ticked is sent by the second page alone.
        told = {name: form[name].data for name in form.fields}
        about = [str(self.user.pk), self.request.path, told, touched.fingerprint]
        text = json.dumps(about, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _token(self, form: forms.Form, touched: Touched) -> str:
        about = self._about(form, touched)
        return signing.dumps({"once": uuid.uuid4().hex, "about": about}, salt=_SALT)

    def _download(self, touched: Touched) -> HttpResponseBase:
        keys = list(touched.keys)

        def fetch(user: Any, after: object | None) -> Batch | None:
            del user
            start = int(str(after or 0))
            some = touched.describe(keys[start : start + BATCH])
            end = start + BATCH
            return Batch([_plain(row) for row in some], end if end < len(keys) else None)

        export = Export(
            name=f"touched.{type(self).__name__.lower()}",
            kind="csv",
            head=list(touched.head),
            fetch=fetch,
        )
        return stream(export, user=self.user)


def _plain(row: Sequence[object]) -> list[object]:
    return [one.value if isinstance(one, Cell) else one for one in row]


def _answers(form: forms.Form) -> list[tuple[str, str]]:
    """What was answered, as a person reads it."""
    shown = []
    for name, asked in form.fields.items():
        value = form[name].data
        if not form[name].is_hidden and value not in (None, "", []):
            choices = {str(key): str(label) for key, label in getattr(asked, "choices", None) or ()}
            several = [one for one in value if one] if isinstance(value, list) else [value]
            text = ", ".join(choices.get(str(one), str(one)) for one in several)
            if text:
                shown.append((str(form[name].label), text))
    return shown


def assets_touched(
    request: HttpRequest,
    asset_ids: Sequence[uuid.UUID],
    *,
    counts: Sequence[tuple[str, int]] | None = None,
    why: Mapping[uuid.UUID, str] | None = None,
    **words: Any,
) -> Touched:
    """Assets as what an action touches: id, collection, modality, state, and ``why`` if given.

    Their titles are not among it: a steward governs without reading. ``words`` go to ``Touched``.
    """
    visitor(request)
    head = ["Asset", "Collection", "Modality", "State", *(["Why"] if why is not None else [])]

    def describe(keys: Sequence[uuid.UUID]) -> list[list[object]]:
        rows = Asset.objects.filter(pk__in=keys).select_related("collection")
        found = {row.pk: row for row in rows}
        return [_asset_row(found[key], why) for key in keys if key in found]

    counted = [("assets", len(asset_ids))] if counts is None else counts
    return Touched(
        counts=counted,
        keys=asset_ids,
        head=head,
        describe=describe,
        **{"caption": "Assets"} | words,
    )


def _asset_row(asset: Asset, why: Mapping[uuid.UUID, str] | None) -> list[object]:
    address = reverse("admin:retrieval_asset_change", args=[asset.pk])
    row: list[object] = [
        Cell(str(asset.pk), href=address),
        asset.collection.name,
        asset.modality or "unknown",
        asset.state,
    ]
    return row if why is None else [*row, why.get(asset.pk, "")]
