"""``python -m workers.redaction_server --socket PATH``."""

from __future__ import annotations

from retrieval.redaction import no_torch

# Before anything can import spaCy, which would bring torch into this process.
no_torch.block_for_good()

import argparse  # noqa: E402 - after the block
import os  # noqa: E402 - after the block
import sys  # noqa: E402 - after the block
from pathlib import Path  # noqa: E402 - after the block
from typing import TYPE_CHECKING  # noqa: E402 - after the block

import structlog  # noqa: E402 - after the block

from workers import uds  # noqa: E402 - after the block
from workers.redaction_server.memory import keep_small  # noqa: E402 - after the block

if TYPE_CHECKING:
    from retrieval.redaction.audio.words import Transcriber

log = structlog.get_logger()


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 1 where the socket is taken or the sandbox cannot be walled."""
    options = _parser().parse_args(arguments)
    uds.configure_logging("redaction")
    keep_small()
    # Decoders' environment is empty anyway; this keeps suffix lists and the like from being fetched
    # here.
    os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""
    from retrieval.redaction.audio.redactor import SpeechRedactor
    from retrieval.redaction.audio.vad import SileroDetector
    from retrieval.redaction.image.find import PictureRedactor
    from retrieval.redaction.ner.manifest import NamesBundleError
    from retrieval.redaction.registry import get_profile
    from retrieval.redaction.text import StructuredTextRedactor
    from retrieval.redaction.verify import verifying_redactor
    from workers.redaction_server.app import MEGABYTE, RedactionServer
    from workers.redaction_server.images import Images
    from workers.redaction_server.pipeline import Pipeline
    from workers.redaction_server.sounds import Sounds
    from workers.sandbox import Limits, Sandbox, SandboxUnavailable

    max_bytes = options.max_upload_mb * MEGABYTE
    try:
        _use_names(options.models, options.names)
    except NamesBundleError as error:
        log.error("no-name-model", reason=str(error))  # noqa: TRY400 - the reason is all
        return 1
    redactor = StructuredTextRedactor()
    redactor.analyse("warm-up: +44 20 7946 0000", profile=get_profile("standard"))
    sandbox = Sandbox(jobs=4)
    try:
        sandbox.start()
    except SandboxUnavailable as error:
        log.error("no-sandbox", reason=error.reason)  # noqa: TRY400 - the reason is all
        return 1
    limits = Limits(max_input_bytes=max_bytes)
    verifier = verifying_redactor()
    speech = SpeechRedactor(
        SileroDetector(),
        redactor,
        verifier=verifier,
        transcriber=_transcriber(options.models, options.transcriber),
    )
    pipeline = Pipeline(
        decoder=sandbox,
        redactor=redactor,
        verifier=verifier,
        images=Images(sandbox, PictureRedactor(redactor)),
        sounds=Sounds(sandbox, speech, verifier, limits),
        limits=limits,
    )
    try:
        uds.serve(RedactionServer(pipeline, sandbox, max_bytes).app(), options.socket)
    except uds.SocketTakenError:
        log.error("socket-taken")  # noqa: TRY400 - nothing more to say
        return 1
    finally:
        sandbox.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workers.redaction_server", description=main.__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument(
        "--max-upload-mb",
        type=int,
        default=int(os.environ.get("VITRINE_MAX_UPLOAD_MB") or 512),
        help="largest file that is taken (default: VITRINE_MAX_UPLOAD_MB, or 512)",
    )
    parser.add_argument(
        "--models",
        type=Path,
        help="folder of installed models; transcribers lie in whisper/, name models in ner/",
    )
    parser.add_argument(
        "--transcriber",
        default=os.environ.get("VITRINE_TRANSCRIBER") or "",
        help="which transcriber, where several are installed (default: VITRINE_TRANSCRIBER)",
    )
    parser.add_argument(
        "--names",
        default=os.environ.get("VITRINE_NAMES") or "",
        help="which name model, where several are installed (default: VITRINE_NAMES)",
    )
    return parser


def _use_names(models: Path | None, name: str) -> None:
    """Ask the installed name model, if there is one."""
    from retrieval.redaction.ner.choice import use_installed

    if models is not None:
        use_installed(models, name)


def _transcriber(models: Path | None, name: str) -> Transcriber | None:
    """The installed transcriber; None where there is none, or none that can be trusted."""
    from retrieval.redaction.audio.whisper import WhisperTranscriber
    from retrieval.redaction.audio.whisper_bundle import WhisperBundleError, bundle_folder

    if models is None:
        return None
    try:
        folder = bundle_folder(models, name)
        return None if folder is None else WhisperTranscriber(folder)
    except WhisperBundleError as error:
        log.error("no-transcriber", reason=str(error))  # noqa: TRY400 - the reason is all
        return None


if __name__ == "__main__":
    sys.exit(main())
