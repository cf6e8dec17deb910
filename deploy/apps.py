from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.contrib.admin import (
    apps as admin_apps,  # the class itself here would be taken for this app's own
)

if TYPE_CHECKING:
    from audit.canary.base import Store


class DeployConfig(AppConfig):
    """The application's outermost room."""

    name = "deploy"
    default = True

    def ready(self) -> None:
        """Make our Celery application the default one, and say which stores a canary searches."""
        # Whoever queues a task, in whichever thread, does it through our application and broker.
        from audit.canary import registry
        from deploy import celery  # noqa: F401 - imported for what it sets

        registry.provide(_stores)


def _stores(stack: ExitStack) -> Sequence[Store]:
    from django.conf import settings

    from deploy.canary.places import stores

    return stores(settings.PATHS, redis_url=settings.REDIS_URL, stack=stack)


class ConsoleAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the console as its site."""

    default_site = "deploy.console.ConsoleSite"
    default = False
