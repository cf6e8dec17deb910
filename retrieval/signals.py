"""What must happen here when an account ends a session or changes, or a model takes its place."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from knox.models import get_token_model

from accounts.models import User
from retrieval.models import ModelSetVersion, ModelVersion
from retrieval.services.active_file import active_file_write
from retrieval.services.search.cache import query_vectors


@receiver(user_logged_out, dispatch_uid="vitrine_query_cache_logout")
def _logged_out(sender: object, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        query_vectors.forget(user.pk)


@receiver([post_save, post_delete], sender=User, dispatch_uid="vitrine_query_cache_account")
def _account_changed(sender: object, instance: User, **kwargs: Any) -> None:
    query_vectors.forget(instance.pk)


@receiver(post_delete, sender=get_token_model(), dispatch_uid="vitrine_query_cache_token")
def _token_gone(sender: object, instance: Any, **kwargs: Any) -> None:
    query_vectors.forget(instance.user_id)


@receiver([post_save, post_delete], sender=ModelVersion, dispatch_uid="vitrine_active_version")
@receiver([post_save, post_delete], sender=ModelSetVersion, dispatch_uid="vitrine_active_set")
def _versions_changed(sender: object, **kwargs: Any) -> None:
    transaction.on_commit(active_file_write, robust=True)
