"""``manage.py first_admin``: the account that makes all others."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.models import User
from accounts.services.tokens import token_create
from accounts.services.users import ORGANISATION_ROLES, user_create
from deploy.credentials import credentials_read, credentials_update

USERNAME = "admin"


class Command(BaseCommand):
    """Makes the first administrator and writes its log-in to credentials.json; idempotent."""

    help = "Creates the first administrator where there is no account yet."

    def add_arguments(self, parser: CommandParser) -> None:
        """The demo's administrator need not change its password."""
        parser.add_argument("--demo", action="store_true", help="the password may stay")

    @transaction.atomic
    def handle(self, *_args: Any, **options: Any) -> None:
        """Create it, unless somebody can log in already."""
        existing = User.objects.filter(username=USERNAME).first()
        if existing and "admin" in credentials_read():
            return
        if existing is None and User.objects.exists():
            self.stdout.write("There are accounts already; none is made.")
            return
        if existing:  # a start was cut short between the account and the file
            existing.delete()
        new = user_create(
            by=None,
            username=USERNAME,
            organisation_roles=list(ORGANISATION_ROLES),
            may_create_collections=True,
            must_change_password=not options["demo"],
        )
        token = token_create(user=new.user).token
        credentials_update(
            admin={"username": USERNAME, "password": new.one_time_password, "token": token}
        )
        self.stdout.write(f"{USERNAME} can log in.")
