"""The sinks that the configuration names."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from audit.checkpoints.sinks.base import Sink, SinkError
from audit.checkpoints.sinks.directory import DirectorySink
from audit.checkpoints.sinks.endpoint import EndpointSink
from audit.checkpoints.sinks.mail import MailSink
from audit.checkpoints.sinks.syslog import SyslogSink
from audit.sink_addresses import SinkAddress

__all__ = ["Sink", "SinkError", "configured", "sink_at"]


def configured() -> dict[str, Sink]:
    """The sinks by name, in the order of the configuration."""
    return {one.name: sink_at(one) for one in settings.VITRINE_CHECKPOINT_SINKS}


def sink_at(address: SinkAddress) -> Sink:
    """The sink at one address."""
    ca_file = settings.VITRINE_CHECKPOINT_CA_FILE
    if address.kind == "directory":
        return DirectorySink(Path(address.path))
    if address.kind == "syslog":
        return SyslogSink(address)
    if address.kind == "email":
        return MailSink(address, settings.VITRINE_CHECKPOINT_SMTP_PASSWORD, ca_file)
    return EndpointSink(address, settings.VITRINE_CHECKPOINT_TOKEN, ca_file)
