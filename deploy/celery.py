"""The Celery application. Tasks live in ``workers.tasks``; they take ids and call a service."""

from __future__ import annotations

import os

from celery import Celery

from deploy.paths import data_paths
from workers.schedule import BEAT_SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
# Django's checks would load every view and console page into the workers; deploy/lint runs them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("vitrine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    beat_schedule=BEAT_SCHEDULE,
    beat_schedule_filename=str(data_paths().run / "celerybeat-schedule"),
)
app.set_default()  # in the web server's threads too, which send tasks
app.autodiscover_tasks(["workers"])
app.autodiscover_tasks(["workers"], related_name="signals")
