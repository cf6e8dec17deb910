"""The web server reads private keys in PKCS#8 only; operators have them in every format."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from deploy.embedded.files import write_private
from deploy.supervisor.errors import StartError


def usable_key(*, certificate: Path, key: Path, target: Path) -> Path:
    """``target`` (0600), holding ``key`` in PKCS#8, after checking that it fits ``certificate``.

    Raises:
        StartError: one is not PEM, the key is encrypted, or they do not belong together.
    """
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    except TypeError:
        raise StartError(f"--tls-key {key} is encrypted: give an unencrypted one.") from None
    except (ValueError, OSError):
        raise StartError("--tls-cert and --tls-key must be readable PEM files.") from None
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != public.public_bytes(*form):
        raise StartError("--tls-key does not belong to --tls-cert.")
    write_private(
        target,
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    return target
