"""Checkpoints by e-mail: whoever gets it is the witness."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from audit.checkpoints.sinks.base import TIMEOUT_SECONDS, SinkError, line_of
from audit.sink_addresses import SinkAddress


class MailSink:
    """One message a checkpoint, with the document as an attachment that the verifier takes."""

    def __init__(self, address: SinkAddress, password: str | None, ca_file: Path | None) -> None:
        self._address = address
        self._password = password
        self._ca_file = ca_file

    def send(self, document: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        """As ``Sink.send``."""
        size = document["tree_size"]
        message = EmailMessage()
        message["Subject"] = f"Ledger checkpoint of {size} entries"
        message["From"], message["To"] = self._address.sender, self._address.to
        message["Message-ID"] = f"<checkpoint-{size}-{document['root'][:16]}@vitrine>"
        message.set_content(
            f"Keep this message. The first {size} entries of the ledger have the tree hash\n\n"
            f"{document['root']}\n\nas of {document['signed_at']}, signed with the key "
            f"{document['signature']['key_id']}.\n"
        )
        message.add_attachment(
            line_of(document).encode() + b"\n",
            maintype="application",
            subtype="json",
            filename=f"checkpoint-{size:012d}.json",
        )
        self._with_server(lambda server: server.send_message(message))

    def probe(self) -> None:
        """As ``Sink.probe``."""
        self._with_server(lambda server: server.noop())

    def _with_server(self, act: Callable[[smtplib.SMTP], object]) -> None:
        try:
            server = self._connected()
            try:
                act(server)
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    server.quit()  # what was taken is taken, however it says good-bye
            finally:
                server.close()
        except (OSError, smtplib.SMTPException) as error:
            raise SinkError(type(error).__name__) from None

    def _connected(self) -> smtplib.SMTP:
        where = self._address
        server: smtplib.SMTP
        if where.scheme == "smtps":
            server = smtplib.SMTP_SSL(
                where.host, where.port, timeout=TIMEOUT_SECONDS, context=self._trust()
            )
        else:
            server = smtplib.SMTP(where.host, where.port, timeout=TIMEOUT_SECONDS)
        try:
            if where.scheme == "smtp+starttls":
                server.starttls(context=self._trust())
            if where.user and self._password:
                server.login(where.user, self._password)
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
        return server

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file and str(self._ca_file))
