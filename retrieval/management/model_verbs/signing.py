"""``models keygen``, ``sign``, ``trust``, ``trusted``, ``distrust``."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from retrieval.encoders.bundle import verify_bundle
from retrieval.encoders.contents import contents_check
from retrieval.encoders.errors import BundleError
from retrieval.encoders.signatures import KeyRefused, fingerprint, key_generate, private_key, sign
from retrieval.management.model_verbs import Say, Verb
from retrieval.services.signers import signer_distrust, signer_trust, signers_trusted


def _keygen_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where the private key goes; FILE.pub beside it")
    parser.add_argument("--passphrase-file", type=Path, help="encrypt the private key with it")


def _keygen(options: Mapping[str, Any], say: Say) -> None:
    path: Path = options["file"]
    try:
        public = key_generate(path, passphrase=_passphrase(options))
    except KeyRefused as refused:
        raise CommandError(str(refused)) from None
    say(f"{path}: the private key. Keep it off this appliance.")
    say(f"{path}.pub: the public key, for: manage.py models trust {path}.pub")
    say(f"fingerprint {fingerprint(public)}")


def _sign_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, help="the bundle's folder")
    parser.add_argument("--key", type=Path, required=True, help="the private key")
    parser.add_argument("--passphrase-file", type=Path, help="what the key is encrypted with")


def _sign(options: Mapping[str, Any], say: Say) -> None:
    folder: Path = options["bundle"]
    try:
        # Nobody should sign what an appliance would refuse, or files changed since the manifest.
        contents_check(folder, verify_bundle(folder))
        key = private_key(_read(options["key"]), passphrase=_passphrase(options))
        name = sign(folder, key)
    except BundleError as error:
        raise CommandError(f"The bundle is not signed: {error.reason}") from None
    except KeyRefused as refused:
        raise CommandError(str(refused)) from None
    except OSError as error:
        raise CommandError(f"The signature cannot be written: {error.strerror}.") from None
    say(f"{folder / 'manifest.sig'}: signed by {name}.")


def _trust_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a public key, as keygen writes it")


def _trust(options: Mapping[str, Any], say: Say) -> None:
    name = signer_trust(pem=_read(options["file"]))
    say(f"Bundles signed by {name} are believed from now on.")
    say("Compare the fingerprint with what the signer says it is, by another way than the file's.")


def _trusted_arguments(_: ArgumentParser) -> None:
    return


def _trusted(_: Mapping[str, Any], say: Say) -> None:
    names = signers_trusted()
    for name in names:
        say(name)
    if not names:
        say("No key is trusted; begin with: manage.py models trust FILE")


def _distrust_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="the fingerprint, or its first 8 digits or more")


def _distrust(options: Mapping[str, Any], say: Say) -> None:
    name = signer_distrust(key=options["key"])
    say(f"Bundles signed by {name} are believed no more; models verify names those installed.")


def _passphrase(options: Mapping[str, Any]) -> bytes | None:
    path: Path | None = options["passphrase_file"]
    if path is None:
        return None
    passphrase = _read(path).rstrip(b"\r\n")
    if not passphrase:
        raise CommandError("The passphrase file is empty.")
    return passphrase


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


VERBS = [
    Verb(
        name="keygen",
        help="make a key pair to sign bundles with",
        arguments=_keygen_arguments,
        run=_keygen,
    ),
    Verb(name="sign", help="sign a bundle", arguments=_sign_arguments, run=_sign),
    Verb(
        name="trust",
        help="believe bundles that this key signed",
        arguments=_trust_arguments,
        run=_trust,
    ),
    Verb(
        name="trusted", help="whose keys are believed", arguments=_trusted_arguments, run=_trusted
    ),
    Verb(
        name="distrust",
        help="believe bundles of this key no more",
        arguments=_distrust_arguments,
        run=_distrust,
    ),
]
