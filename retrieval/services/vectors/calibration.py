"""Thresholds of searches, measured where the appliance runs."""

from __future__ import annotations

from django.utils import timezone

from retrieval.vector_models import VectorTuning
from retrieval.vectors import tuning
from retrieval.vectors.ddl import owner_connection
from retrieval.vectors.measuring import measure
from retrieval.vectors.tuning import Tuning


def vectors_calibrate(*, again: bool = True) -> Tuning:
    """The thresholds, measured now; those there are where ``again`` is false and there are some.

    Raises:
        Unavailable: the owner's login is not known here.
    """
    if again or not VectorTuning.objects.exists():
        with owner_connection() as conn:
            measured = measure(conn).thresholds()
        VectorTuning.objects.update_or_create(
            pk=1, defaults={"measured": measured, "at": timezone.now()}
        )
    tuning.forget()
    return tuning.current()
