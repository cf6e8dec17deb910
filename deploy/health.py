"""Is it alive, is it ready, and how much is there: for load balancers, monitors and operators."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from hmac import compare_digest

import redis
import structlog
from django.conf import settings
from django.db import connection
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.exceptions import AuthenticationFailed

from accounts.authentication import TokenAuthentication
from audit.models import LedgerPending
from deploy.metrics import exposition
from deploy.problems import plain_problem
from retrieval import clients

logger = structlog.get_logger("vitrine.health")

_ANSWER_WITHIN_SECONDS = 2.0
# Events are chained within about a second; a minute's backlog means that nobody chains.
_LEDGER_BEHIND = timedelta(minutes=1)


class NotReady(Exception):
    """Why a part is not ready, in words that hold no more than that."""


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else was asked."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part answers, else 503; ``parts`` says which does not."""
    parts = _parts()
    ready = all(state == "ok" for state in parts.values())
    if not ready:
        logger.warning("not_ready", **parts)
    body = {"status": "ready" if ready else "not ready", "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Counts and this process's own figures in Prometheus' text format; for token holders."""
    if not _may_see_metrics(request):
        answer: HttpResponse = plain_problem(
            401, "Metrics need the metrics token, or an operator's."
        )
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    text, content_type = exposition()
    return HttpResponse(text, content_type=content_type)


def _parts() -> dict[str, str]:
    """``ok`` or the reason, by part. The servers are asked side by side."""
    apart: dict[str, Callable[[], object]] = {
        "broker": lambda: _redis().ping(),
        "model_server": lambda: clients.models().health(timeout_seconds=_ANSWER_WITHIN_SECONDS),
        "redaction_server": lambda: clients.redaction().health(
            timeout_seconds=_ANSWER_WITHIN_SECONDS
        ),
    }
    with ThreadPoolExecutor(len(apart)) as pool:
        asked = {name: pool.submit(_state, name, check) for name, check in apart.items()}
        parts = {"database": _state("database", _database)}
        # The ledger is in the database: no use in asking for it where that is away.
        parts["ledger"] = _state("ledger", _ledger) if parts["database"] == "ok" else "unknown"
        return parts | {name: answer.result() for name, answer in asked.items()}


def _state(name: str, check: Callable[[], object]) -> str:
    try:
        check()
    except NotReady as why:
        return str(why)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the part is not ready
        logger.info("part_not_ready", part=name, error=type(error).__name__)
        return "does not answer"
    return "ok"


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_ANSWER_WITHIN_SECONDS,
        socket_connect_timeout=_ANSWER_WITHIN_SECONDS,
    )


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ledger() -> None:
    oldest = LedgerPending.objects.aggregate(oldest=Min("at"))["oldest"]
    if oldest is not None and timezone.now() - oldest > _LEDGER_BEHIND:
        raise NotReady("events wait to be chained")


def _may_see_metrics(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    wanted = settings.VITRINE_METRICS_TOKEN
    if wanted and given.startswith("Bearer "):
        return compare_digest(given.removeprefix("Bearer ").encode(), wanted.encode())
    try:
        found = TokenAuthentication().authenticate(request)
    except AuthenticationFailed:
        return False
    return found is not None and found[0].is_operator and not found[0].must_change_password
