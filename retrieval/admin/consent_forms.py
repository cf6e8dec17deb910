"""What the console asks about people and their consents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from audit.consent_receipts import PURPOSES
from audit.consents import LEGAL_BASES, WITHDRAWAL_WAYS, Terms
from audit.subjects import MOST_IDENTIFIER, MOST_REASON
from retrieval.purposes import ARTICLE_9
from retrieval.services.consent_import import COLUMNS

MOST_FILE_BYTES = 500_000  # it travels to the second step and back, encoded as a form
_BASES = [(name, name.replace("_", " ")) for name in LEGAL_BASES]
_MEANT = " ".join(
    f"{name.replace('_', ' ').capitalize()}: {text}" for name, (text, _) in PURPOSES.items()
)
_CONDITIONS = [
    ("", "no special categories of data"),
    *((letter, f"Art. 9(2)({letter})") for letter in ARTICLE_9),
]


def _line(**options: Any) -> forms.CharField:
    return forms.CharField(
        required=False, **{"max_length": 300, "widget": UnfoldAdminTextInputWidget()} | options
    )


def _several(**options: Any) -> forms.CharField:
    return _line(
        max_length=2000,
        help_text=f"Separated by commas. {options.pop('such', '')}".strip(),
        **options,
    )


class ConsentForm(forms.Form):
    """The terms of a record; see ``audit.consents.Terms``."""

    subject = forms.UUIDField(
        label="Whom it is about",
        widget=UnfoldAdminTextInputWidget(),
        help_text="The random id of a subject.",
    )
    purposes = forms.MultipleChoiceField(
        label="What is permitted",
        choices=[(name, name.replace("_", " ")) for name in PURPOSES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_MEANT,
    )
    legal_basis = forms.ChoiceField(
        label="On what legal basis (GDPR Art. 6(1))",
        choices=_BASES,
        widget=UnfoldAdminSelectWidget(),
    )
    special_condition = forms.ChoiceField(
        label="Special categories of data",
        choices=_CONDITIONS,
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="(a) is an explicit consent.",
    )
    starts_at = forms.SplitDateTimeField(
        label="From", required=False, widget=UnfoldAdminSplitDateTimeWidget(),
        help_text="Empty: from now on.",
    )  # fmt: skip
    expires_at = forms.SplitDateTimeField(
        label="Until", required=False, widget=UnfoldAdminSplitDateTimeWidget(),
        help_text="Empty: until it is withdrawn.",
    )  # fmt: skip
    data_categories = _several(label="Categories of data", such="For example: Picture, Voice.")
    recipients = _several(label="Recipients")
    jurisdictions = _several(label="Jurisdictions", such="ISO 3166 codes.")
    controller = _line(label="Controller")
    controller_contact = _line(label="How to reach the controller")
    storage_location = _line(label="Where it is stored")
    collection_method = _line(label="How it was given", max_length=100)
    withdrawal_method = _line(label="How it can be withdrawn")
    notice_ref = _line(label="Notice that was shown", help_text="Its name and version.")
    language = _line(label="Language of the notice", max_length=16)


def terms_from(given: dict[str, Any]) -> Terms:
    """The terms in a form's cleaned data."""
    words = {name: value for name, value in given.items() if name in Terms.__dataclass_fields__}
    for name in ("data_categories", "recipients", "jurisdictions"):
        words[name] = [one.strip() for one in words[name].split(",") if one.strip()]
    return Terms(**words)


class VersionForm(ConsentForm):
    """As above, of the same person."""

    subject = None  # type: ignore[assignment] # Django's way to leave a field out


class WithdrawForm(forms.Form):
    """How it was withdrawn."""

    how = forms.ChoiceField(
        label="How it was withdrawn",
        choices=[(way, way) for way in WITHDRAWAL_WAYS],
        widget=UnfoldAdminSelectWidget(),
    )


class AskedForm(forms.Form):
    """What the person asked for."""

    reason = forms.CharField(
        label="What was asked, and why",
        required=False,
        max_length=MOST_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="Kept in the ledger alone, encrypted under the person's own key.",
    )


class LiftForm(AskedForm):
    """Which of the two ends."""

    what = forms.MultipleChoiceField(
        label="What ends",
        choices=[("restricted", "the restriction"), ("objected", "the objection")],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )


class RevealForm(forms.Form):
    """Why the identifier is looked at."""

    reason = forms.CharField(
        label="Why you need to know who it is",
        max_length=MOST_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="It is recorded with your name, encrypted under your own key.",
    )


class SubjectForm(forms.Form):
    """How a person will be found again."""

    identifier = forms.CharField(
        required=False,
        max_length=MOST_IDENTIFIER,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        help_text="An e-mail address, a number or a name: kept encrypted under the person's own "
        "key. A known one leads to the subject there is. Empty: a new subject without one.",
    )


class LinkForm(forms.Form):
    """Which asset a person is in."""

    asset = forms.UUIDField(label="Asset", widget=UnfoldAdminTextInputWidget())
    consent = forms.UUIDField(
        label="Record under which it was taken in",
        required=False,
        widget=UnfoldAdminTextInputWidget(),
    )


class ImportForm(forms.Form):
    """A CSV file. Its text travels to the second step and back; it is kept nowhere in between."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        widget=UnfoldAdminFileFieldWidget(),
        help_text=f"UTF-8, at most {MOST_FILE_BYTES // 1000} kB here; larger ones with "
        f"manage.py consents import. Columns: {', '.join(COLUMNS)}.",
    )
    text = forms.CharField(required=False, widget=forms.HiddenInput())

    def clean(self) -> dict[str, Any]:
        """The text of the file, however it came."""
        given: dict[str, Any] = super().clean() or {}
        if not given.get("text"):
            self.add_error("file", "Choose a file.")
        return given


def uuid_or_none(text: str) -> UUID | None:
    """An id in an address, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
