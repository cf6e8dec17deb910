"""The console's page on what people said of a collection's hits, and what is made of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from accounts.models import User
from retrieval import scope
from retrieval.admin.base import visitor
from retrieval.admin.plots import Chart, Line, Point, line_chart, unit_axis
from retrieval.errors import NotAllowed, NotVisible, RetrievalError
from retrieval.evaluation.questions import Question
from retrieval.models import Calibration, Collection
from retrieval.selectors.calibrations import ProposalView, proposals_of
from retrieval.selectors.feedback_figures import feedback_figures, may_see_figures
from retrieval.selectors.labelled import labelled_list
from retrieval.services.calibrations import (
    calibration_discard,
    calibration_promote,
    calibration_propose,
    calibration_withdraw,
)
from retrieval.services.labelled import (
    MOST_CHARACTERS,
    Labelled,
    labelled_add,
    labelled_delete,
    labelled_import,
)

_TEMPLATES = "admin/retrieval/collection"
# Of a long evaluation set the page shows the beginning; REST pages through all of it.
_SHOWN = 100


class LabelledForm(forms.Form):
    """A query and the asset that answers it."""

    text = forms.CharField(
        label="Query",
        max_length=MOST_CHARACTERS,
        widget=UnfoldAdminTextInputWidget,
        help_text="Redacted before it is stored.",
    )
    asset = forms.UUIDField(label="Asset that answers it (id)", widget=UnfoldAdminTextInputWidget)


class ImportForm(forms.Form):
    """A file of them."""

    file = forms.FileField(
        label="CSV with the columns query and asset", widget=UnfoldAdminFileFieldWidget
    )


class Judging:
    """For the admin of collections: the page, which its change form links to."""

    admin_site: Any
    model: Any

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and the page."""
        own = path(
            "<uuid:collection_id>/feedback/",
            self.admin_site.admin_view(self.feedback_view),
            name="retrieval_collection_feedback",
        )
        usual: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [own, *usual]

    def feedback_words(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """What the card on the collection's page says: nothing to who may not see the page."""
        try:
            collection_id = UUID(object_id or "")
            figures = feedback_figures(user=visitor(request), collection_id=collection_id)
        except (RetrievalError, ValueError):
            return {}
        return {"feedback": figures, "feedback_of": collection_id}

    def feedback_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """Figures and the evaluation set; with a POST one thing is done."""
        user = visitor(request)
        try:
            may_see_figures(user=user, collection_id=collection_id)
        except NotVisible:
            raise Http404 from None
        except NotAllowed:
            raise PermissionDenied from None
        here = reverse("admin:retrieval_collection_feedback", args=[collection_id])
        if request.method == "POST":
            _do(request, collection_id)
            return HttpResponseRedirect(here)
        context = {
            **self.admin_site.each_context(request),
            "title": "Feedback",
            "opts": self.model._meta,  # noqa: SLF001 - Django's own way to name a model in templates
            "back": reverse("admin:retrieval_collection_change", args=[collection_id]),
            **_shown(user, collection_id),
        }
        return TemplateResponse(request, f"{_TEMPLATES}/feedback.html", context)


def _do(request: HttpRequest, collection_id: UUID) -> None:
    try:
        messages.success(request, _done(request, visitor(request), collection_id))
    except RetrievalError as error:
        reasons = [text for texts in error.fields.values() for text in texts]
        messages.error(request, " ".join([error.detail, *reasons]))
    except (ValueError, KeyError):
        messages.error(request, "Something is missing, or no id.")


def _shown(user: User, collection_id: UUID) -> dict[str, Any]:
    with scope.console(user):
        collection = Collection.objects.get(id=collection_id)
    try:
        labelled = labelled_list(user=user, collection_id=collection_id)
    except (NotAllowed, NotVisible):  # a governor who holds nothing here sees figures only
        labelled = None
    return {
        "collection": collection,
        **_calibrations(user, collection_id),
        "figures": feedback_figures(user=user, collection_id=collection_id),
        "labelled": labelled,
        "first": (labelled or [])[:_SHOWN],
        "add": LabelledForm(),
        "file": ImportForm(),
    }


def _calibrations(user: User, collection_id: UUID) -> dict[str, Any]:
    """What a steward may decide on, and what was decided lately."""
    try:
        found = proposals_of(collection_id, user=user)
    except (NotAllowed, NotVisible):
        return {"may_decide": False}
    status = Calibration.Status
    return {
        "may_decide": True,
        "proposed": [(one, _chart(one)) for one in found if one.status == status.PROPOSED],
        "in_force": [(one, _chart(one)) for one in found if one.status == status.ACTIVE],
        "past": [one for one in found if one.status == status.RETIRED and one.reason],
    }


def _chart(one: ProposalView) -> Chart:
    """What was said and what was true before and after, on votes it was not fitted to."""
    lines, rows = [], []
    for name, worth in (("Before", one.before), ("After", one.after)):
        points = []
        for _, _, said, true, count in worth.get("bins", []):
            points.append(Point(said, true, f"{count:.0f} votes: said {said:.2f}, true {true:.2f}"))
            rows.append((name, f"{said:.3f}", f"{true:.3f}", f"{count:.0f}"))
        lines.append(Line(name, points))
    return line_chart(
        title="Said and true, before and after",
        description=(
            f"Calibration error {one.before['ece']:.3f} before, {one.after['ece']:.3f} after; on "
            "the broken line what is said is true."
        ),
        x=unit_axis("confidence said"),
        y=unit_axis("share that was right"),
        lines=lines,
        head=("", "Said", "True", "Votes"),
        rows=rows,
        diagonal=True,
    )


def _done(request: HttpRequest, by: User, collection_id: UUID) -> str:
    """Does what the form's button says; a sentence about it."""
    form = request.POST
    match form.get("do"):
        case "add":
            asked = Question(form["text"].strip(), frozenset({UUID(form["asset"].strip())}))
            return _added(labelled_add(by=by, collection_id=collection_id, questions=[asked]))
        case "import":
            file = request.FILES.get("file")
            if file is None:
                raise KeyError("file")
            return _added(labelled_import(by=by, collection_id=collection_id, file=file.read()))
        case "delete":
            labelled_delete(by=by, collection_id=collection_id, labelled_id=UUID(form["id"]))
            return "Taken out."
        case "propose":
            made = calibration_propose(collection_id=collection_id, by=by)
            return f"{len(made)} proposed. Nothing changes until one is promoted."
        case "promote" | "discard" | "withdraw" as verb:
            decided = _of(by, collection_id, int(form["id"]))
            _DECISIONS[verb](calibration_id=decided, by=by, reason=form.get("reason", ""))
            return _DECIDED[verb]
        case _:
            raise KeyError("do")


def _of(by: User, collection_id: UUID, calibration_id: int) -> int:
    """The id, if it is one of this collection's: the page decides on nothing else."""
    if calibration_id not in {one.id for one in proposals_of(collection_id, user=by)}:
        raise NotVisible("There is no such calibration.")
    return calibration_id


_DECISIONS = {
    "promote": calibration_promote,
    "discard": calibration_discard,
    "withdraw": calibration_withdraw,
}
_DECIDED = {
    "promote": "Promoted: it holds from the next search on.",
    "discard": "Laid aside.",
    "withdraw": "Withdrawn: the model's own calibration counts again.",
}


def _added(done: Labelled) -> str:
    said = [f"{done.added} added"]
    if done.already:
        said.append(f"{done.already} were there")
    if done.left_out:
        said.append(f"{done.left_out} left out: no searchable asset of this collection")
    return ", ".join(said) + "."
