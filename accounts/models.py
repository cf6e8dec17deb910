"""Users, teams and memberships.

What a person may see in a collection is decided by retrieval's grants.
"""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person or a service that logs in.

    ``is_staff`` follows from the roles: whoever governs, operates or stewards may enter the
    console.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    may_create_collections = models.BooleanField(default=False)
    is_governor = models.BooleanField(
        default=False, help_text="Subjects, consents, erasures and the whole ledger."
    )
    is_operator = models.BooleanField(default=False, help_text="Models, health and backup.")
    must_change_password = models.BooleanField(default=False)

    @property
    def organisation_roles(self) -> list[str]:
        """The organisation-wide roles held, of ``governor`` and ``operator``."""
        held = {"governor": self.is_governor, "operator": self.is_operator}
        return [role for role, has in held.items() if has]

    @property
    def manages_people(self) -> bool:
        """Whether this user may list and create users and teams."""
        return self.is_active and (self.is_governor or self.is_operator)


class Team(models.Model):
    """A group of users that grants can name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    members = models.ManyToManyField(User, through="Membership", related_name="teams")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """One user in one team."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"
