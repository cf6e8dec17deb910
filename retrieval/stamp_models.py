"""The row by which a search sees at once that what it may reach has changed."""

from __future__ import annotations

from django.db import models


class Stamp(models.Model):
    """A random value that moves with what ``name`` stands for; triggers move it.

    ``rules``: models, calibrations, bridges, profiles, collections' policies. ``user:ID`` and
    ``team:ID``: the grants of one holder. The application's database role may only read it.
    """

    name = models.CharField(max_length=64, primary_key=True)
    value = models.UUIDField()

    def __str__(self) -> str:
        return self.name
