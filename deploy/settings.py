"""Django's settings. Every value from outside goes through the strict readers of ``deploy.env``."""

from __future__ import annotations

import logging.config
import os
from datetime import timedelta
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from audit.sink_addresses import SinkAddress, sink_addresses
from deploy.env import (
    ConfigurationError,
    celery_broker_url,
    env_bool,
    env_choices,
    env_int,
    env_list,
    env_path,
    env_str,
    parse_database_url,
)
from deploy.logs import hook_all, names_for_strangers, without_messages
from deploy.paths import ROOT, data_paths

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is ever fetched at run time

PATHS = data_paths()


def _secret(name: str, file_name: str) -> str:
    value = env_str(name)
    if value:
        return value
    try:
        return (PATHS.secrets / file_name).read_text(encoding="utf-8").strip()
    except OSError:
        raise ImproperlyConfigured(
            f"{name} is not set and {PATHS.secrets / file_name} does not exist: "
            f"start with deploy/up, or set {name} or {name}_FILE"
        ) from None


def _database() -> dict[str, Any]:
    url = env_str("DATABASE_URL")
    if not url:
        raise ConfigurationError(
            "DATABASE_URL is not set: start with deploy/up, or name a Postgres database"
        )
    login = parse_database_url(url)
    if os.environ.get("VITRINE_DB_ROLE") != "owner":
        app_url = env_str("DATABASE_APP_URL")
        login = (
            parse_database_url(app_url, name="DATABASE_APP_URL")
            if app_url
            else login.with_user(
                user="vitrine_app", password=_secret("VITRINE_DB_APP_PASSWORD", "db_app_password")
            )
        )
    return {
        "ENGINE": "deploy.postgres",
        "NAME": login.name,
        "USER": login.user,
        "PASSWORD": login.password,
        "HOST": login.host,
        "PORT": login.port,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "vitrine"},
    }


def _checkpoint_sinks() -> tuple[SinkAddress, ...]:
    name = "VITRINE_CHECKPOINT_SINKS"
    try:
        return sink_addresses(env_list(name, [f"dir:{PATHS.checkpoints}"]))
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None


SECRET_KEY = _secret("VITRINE_SECRET_KEY", "secret_key")
DEBUG = False
ALLOWED_HOSTS = env_list("VITRINE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("VITRINE_TRUSTED_ORIGINS", [])
TLS = env_bool("VITRINE_TLS", default=False)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "deploy.console_app.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "django_htmx",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "audit",
    "accounts",
    "retrieval",
    "workers",
    "deploy",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "deploy.middleware.RequestContextMiddleware",
    "deploy.middleware.SecurityHeadersMiddleware",
    "deploy.middleware.SaneRequestMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "deploy.middleware.PasswordChangeMiddleware",
]

ROOT_URLCONF = "deploy.urls"
WSGI_APPLICATION = "deploy.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the packages' own templates, so that ours of the same name win.
        "DIRS": [ROOT / "retrieval" / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "retrieval.web.context.console",
            ],
        },
    },
]

DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_str("REDIS_URL") or f"unix://{PATHS.redis_socket}"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/300s/key"}
# How many proxies of ours stand before the web server; X-Forwarded-For is believed so far and no
# further.
TRUSTED_PROXIES = env_int("VITRINE_TRUSTED_PROXIES", 0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
# Warnings to stewards go to a mail server of the house, if one is named; otherwise nothing leaves.
EMAIL_HOST = env_str("VITRINE_EMAIL_HOST", "") or ""
EMAIL_PORT = env_int("VITRINE_EMAIL_PORT", 587, at_least=1)
EMAIL_HOST_USER = env_str("VITRINE_EMAIL_USER", "") or ""
EMAIL_HOST_PASSWORD = env_str("VITRINE_EMAIL_PASSWORD", "") or ""
EMAIL_USE_SSL = env_bool("VITRINE_EMAIL_TLS", default=False)  # from the first byte, as on port 465
EMAIL_USE_TLS = env_bool("VITRINE_EMAIL_STARTTLS", default=not EMAIL_USE_SSL)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env_str("VITRINE_EMAIL_FROM", "vitrine@localhost") or "vitrine@localhost"
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"
CSRF_FAILURE_VIEW = "deploy.problems.csrf_failure"

SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = TLS
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = int(timedelta(days=30).total_seconds()) if TLS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "accounts.permissions.OwnPassword",
    ],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.api.negotiation.AlwaysFirst",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "deploy.pagination.DefaultPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "deploy.openapi.Schema",
    "EXCEPTION_HANDLER": "deploy.problems.problem_handler",
    "DEFAULT_THROTTLE_RATES": {"token": "60/min", "password": "10/min"},
    "NUM_PROXIES": TRUSTED_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
VITRINE_IDEMPOTENCY_MODEL = "retrieval.IdempotencyKey"
VITRINE_METRICS_TOKEN = env_str("VITRINE_METRICS_TOKEN")
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=env_int("VITRINE_TOKEN_DAYS", 30, at_least=1)),
    "AUTH_HEADER_PREFIX": "Token",
    "TOKEN_LIMIT_PER_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vitrine",
    "DESCRIPTION": "Permitted, explained cross-modal search over an organisation's own holdings.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "deploy.openapi.add_problems",
    ],
    "AUTHENTICATION_WHITELIST": ["accounts.authentication.TokenAuthentication"],
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "validatorUrl": None},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "CollectionRole": ["searcher", "contributor", "curator", "steward"],
        "OrganisationRole": ["governor", "operator"],
        "Modality": ["text", "image", "audio"],
        "RuleModality": "audit.retention.MODALITIES",
        "RuleState": "audit.retention.STATES",
        "HoldState": "audit.hold_models.LegalHold.State",
        "PurgeRunState": "audit.hold_models.PurgeRun.State",
        "StateEnum": "retrieval.api.asset_serializers.STATES",
        "ReviewState": ["open", "accepted", "redacted", "rejected", "retried", "closed"],
        "ReviewKind": ["quarantined", "low-confidence"],
        "ReviewDecision": ["accept", "redact", "reject", "retry"],
        "ReembeddingState": ["running", "paused", "done", "failed", "cancelled"],
        "ReredactionState": ["running", "done", "cancelled"],
        "ErasureState": "audit.erasure_models.STATES",
        "ErasureVia": ["named", "linked", "reviewed"],
        "SubjectState": ["active", "restricted", "objected", "erased"],
        "ConsentState": "audit.consents.STATES",
        "Article9Condition": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"],
        "CandidateDecision": ["open", "include", "exclude"],
        "CandidateDecisionInput": ["include", "exclude"],
        "FillPolicy": ["fill", "keep"],
        "EvaluationKind": ["model", "live", "leakage"],
        "VerdictEnum": ["match", "uncertain"],
        "TaskVerdict": ["met", "not_met", "not_measured"],
        "EvaluationCaseKind": ["worst", "hub", "confusion", "prompt"],
    },
}

CELERY_BROKER_URL = celery_broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 840
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "ingest"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = ["deploy.formats"]
USE_TZ = True

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATICFILES_DIRS = [ROOT / "retrieval" / "web" / "static"]
WHITENOISE_USE_FINDERS = True

# Uploads are encrypted while they stream in; Django's own handlers, which write plain temporary
# files, are never used.
FILE_UPLOAD_HANDLERS = ["retrieval.uploads.MemoryUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
VITRINE_MAX_UPLOAD_BYTES = env_int("VITRINE_MAX_UPLOAD_MB", 512, at_least=1) * 1024 * 1024
VITRINE_MAX_QUERY_BYTES = env_int("VITRINE_MAX_QUERY_MB", 32, at_least=1) * 1024 * 1024
VITRINE_DEMO = env_bool("VITRINE_DEMO", default=False)
# What takes two people: "erasure", "hold_release", "disclosure"; "none" for nothing.
VITRINE_SECOND_PERSON = env_choices(
    "VITRINE_SECOND_PERSON",
    ("erasure", "hold_release", "disclosure"),
    default=("hold_release", "disclosure") if VITRINE_DEMO else None,
)
VITRINE_MASTER_KEY_FILE = env_path("VITRINE_MASTER_KEY_FILE")
VITRINE_MASTER_PASSPHRASE_FILE = env_path("VITRINE_MASTER_PASSPHRASE_FILE")
VITRINE_KEPT_QUERY_HOURS = env_int("VITRINE_KEPT_QUERY_HOURS", 24)
# After a restart, how far the clock may be ahead of the last purge before nothing is purged until
# somebody confirms it; see audit.clock.
VITRINE_CLOCK_GAP_DAYS = env_int("VITRINE_CLOCK_GAP_DAYS", 7, at_least=1)
# How many days before something is purged its collection's stewards are told. 0: never.
VITRINE_PURGE_WARNING_DAYS = env_int("VITRINE_PURGE_WARNING_DAYS", 14)
# How long a kept query can be read once its disclosure was approved, and how long a flag about
# somebody's searching is kept.
VITRINE_DISCLOSURE_MINUTES = env_int("VITRINE_DISCLOSURE_MINUTES", 15, at_least=1)
VITRINE_FLAG_DAYS = env_int("VITRINE_FLAG_DAYS", 30, at_least=1)
# How long somebody's assets can be found by an identifier that was taken out; 0: not at all.
VITRINE_BLIND_INDEX_DAYS = env_int("VITRINE_BLIND_INDEX_DAYS", 365)
# How long the ledger's ids lead to names; see audit.actor_periods.
VITRINE_ACTOR_PERIOD_DAYS = env_int("VITRINE_ACTOR_PERIOD_DAYS", 365, at_least=1)
# Signed checkpoints of the ledger: after so many entries, and after so many minutes if anything
# happened; where to; see audit/README.md.
VITRINE_CHECKPOINT_ENTRIES = env_int("VITRINE_CHECKPOINT_ENTRIES", 10_000, at_least=1)
VITRINE_CHECKPOINT_MINUTES = env_int("VITRINE_CHECKPOINT_MINUTES", 60, at_least=1)
VITRINE_CHECKPOINT_SINKS = _checkpoint_sinks()
VITRINE_CHECKPOINT_TOKEN = env_str("VITRINE_CHECKPOINT_TOKEN")
VITRINE_CHECKPOINT_SMTP_PASSWORD = env_str("VITRINE_CHECKPOINT_SMTP_PASSWORD")
VITRINE_CHECKPOINT_CA_FILE = env_path("VITRINE_CHECKPOINT_CA_FILE")
# After an erasure, tables up to this size are written anew while nobody reads them.
VITRINE_SCRUB_MOST_MB = env_int("VITRINE_SCRUB_MOST_MB", 256, at_least=1)
VITRINE_QUARANTINE_RAW_DAYS = env_int("VITRINE_QUARANTINE_RAW_DAYS", 14, at_least=1)
# Re-embedding beside searches: the share of its time that it always gets, and how long the model
# server may compute for it at once.
VITRINE_REEMBED_LEAST_PERCENT = env_int("VITRINE_REEMBED_LEAST_PERCENT", 60, at_least=1)
VITRINE_REEMBED_SLICE_MS = env_int("VITRINE_REEMBED_SLICE_MS", 50, at_least=1)

UNFOLD = {
    "SITE_TITLE": "Vitrine",
    "SITE_HEADER": "Vitrine",
    "SITE_SYMBOL": "visibility_lock",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("web/icon.svg"),
        }
    ],
    "STYLES": [lambda _request: static("web/console/console.css")],
    "SCRIPTS": [lambda _request: static("web/console/console.js")],
    "SIDEBAR": {"show_search": False, "navigation": "retrieval.admin.navigation.sidebar"},
}

LOGGING_CONFIG = None
logging.config.dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    without_messages,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": [
                    structlog.contextvars.merge_contextvars,
                    structlog.stdlib.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso"),
                    names_for_strangers,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "vitrine": {"level": "INFO"},
            # Django logs the path and the exception of a failed request, which may hold what a
            # user typed.
            "django.request": {"level": "CRITICAL"},
            # A warning's text may quote what a library was given.
            "py.warnings": {"level": "CRITICAL"},
        },
    }
)
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
logging.captureWarnings(capture=bool(os.environ.get("VITRINE_LOGGED")))
if os.environ.get("VITRINE_LOGGED"):
    hook_all()
