"""The Celery application. Tasks live in ``workers.tasks``; they take ids and call one service each."""

from __future__ import annotations

import os

from celery import Celery

from deploy.paths import data_paths
from workers.schedule import BEAT_SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")

app = Celery("vitrine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    beat_schedule=BEAT_SCHEDULE,
    beat_schedule_filename=str(data_paths().run / "celerybeat-schedule"),
)
app.set_default()  # in the web server's threads too, which send tasks
app.autodiscover_tasks(["workers"])
app.autodiscover_tasks(["workers"], related_name="signals")
