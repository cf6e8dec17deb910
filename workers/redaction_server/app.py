"""HTTP face of the redaction server. Bodies and answers stay in memory.

Nothing of them is logged.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retrieval import framing
from retrieval.redaction import serial
from retrieval.redaction.amended import amended_to
from retrieval.redaction.base import finding_from
from retrieval.redaction.errors import (
    ProfileError,
    RedactionError,
    RedactionTimeoutError,
    UnknownProfileError,
)
from retrieval.redaction.profile_schema import keys_from, profile_from
from retrieval.redaction.registry import get_profile, profile_names
from retrieval.transport import DEADLINE_HEADER, META_HEADER, decode_meta
from workers import uds
from workers.gate import Gate, GateFullError
from workers.redaction_server.amend import Amender
from workers.redaction_server.arrays import Claim
from workers.sandbox import DecodeError, Heat, SandboxUnavailable, TensorSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from retrieval.redaction.base import Profile, RedactionKeys
    from workers.gate import Lane
    from workers.redaction_server.pipeline import Pipeline
    from workers.sandbox import Sandbox

T = TypeVar("T")
MEGABYTE: Final = 1024 * 1024
MAX_QUERY_FILE_BYTES: Final = 64 * MEGABYTE
MAX_TEXT_BYTES: Final = 4 * MEGABYTE
_DEFAULT_DEADLINE_SECONDS: Final = 60.0
# A Celery worker that waits longer blocks others; it comes back by itself.
_MAX_WAIT_SECONDS: Final = 60.0

log = structlog.get_logger()


class Refused(Exception):
    """Becomes a 422 with code, reason and disposition."""

    def __init__(self, code: str, reason: str, disposition: str = "quarantined") -> None:
        """``reason`` is a plain sentence without content."""
        super().__init__(code)
        self.body = {"code": code, "reason": reason, "disposition": disposition}


@dataclass
class RedactionServer:
    """Pipeline, sandbox, gate and threads of one server."""

    pipeline: Pipeline
    sandbox: Sandbox
    max_upload_bytes: int
    gate: Gate = field(default_factory=lambda: Gate(ingest=2, query=2, waiting=16))
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(4, thread_name_prefix="redact")
    )

    def app(self) -> Starlette:
        """The Starlette application."""
        posts = {
            "/prepare": self.prepare,
            "/verify": self.verify,
            "/amend": self.amend,
            "/text": self.text,
            "/tensors": self.tensors,
            "/overlay": self.overlay,
            "/query-file": self.query_file,
        }
        routes = [
            Route(path, uds.guarded(self.answered(handler)), methods=["POST"])
            for path, handler in posts.items()
        ]
        health = Route("/healthz", uds.guarded(self.health), methods=["GET"])
        return Starlette(routes=[*routes, health], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        await asyncio.to_thread(self.sandbox.close)
        self.threads.shutdown(wait=False, cancel_futures=True)

    def answered(self, handler: uds.Handler) -> uds.Handler:
        """``handler`` with the errors that clients understand turned into answers."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Refused as error:
                log.info("refused", path=request.url.path, code=error.body["code"])
                return JSONResponse(error.body, status_code=422)
            except (GateFullError, TimeoutError):
                return uds.busy(retry_after_seconds=2)
            except SandboxUnavailable:
                log.warning("sandbox-unavailable")
                return uds.busy(retry_after_seconds=5, code="sandbox-unavailable")
            except ClientDisconnect:
                return Response(status_code=499)

        return answer

    async def prepare(self, request: Request) -> Response:
        """Raw upload in, Prepared out."""
        meta = _meta(request)
        profile, keys = _profile(meta), _keys(meta)
        async with _memfd() as fd:
            work = self._reading(request, fd, self.max_upload_bytes)
            prepared = await self._run(
                "ingest",
                request,
                lambda: self.pipeline.prepare(
                    fd,
                    name=str(meta.get("name", "")),
                    title=str(meta.get("title", "")),
                    profile=profile,
                    claim=_claim(meta),
                    keys=keys,
                ),
                before=work,
            )
        data, parts = await asyncio.to_thread(serial.prepared_to, prepared)
        return _framed(framing.pack(data, parts))

    async def verify(self, request: Request) -> Response:
        """Rendition in, what is still found out."""
        meta = _meta(request)
        profile = _profile(meta)
        rendition = await _body(request, self.max_upload_bytes)
        verdict = await self._run(
            "ingest",
            request,
            lambda: self.pipeline.verify(
                rendition, media_type=str(meta.get("media_type", "")), profile=profile
            ),
        )
        return JSONResponse(serial.verdict_to(verdict))

    async def amend(self, request: Request) -> Response:
        """Rendition and regions in, the rendition without them out."""
        body = await _body(request, self.max_upload_bytes + MEGABYTE)
        try:
            data, (rendition,) = framing.unpack(body)
            regions = [finding_from(region) for region in data["regions"]]
        except (framing.FramingError, KeyError, TypeError, ValueError) as error:
            raise Refused("bad-request", "The request is not in the expected form.") from error
        profile = _profile(data)
        amended = await self._run(
            "ingest",
            request,
            lambda: Amender(self.pipeline, self.sandbox).amend(
                bytes(rendition),
                media_type=str(data.get("media_type", "")),
                regions=regions,
                profile=profile,
                segments=bool(data.get("segments")),
            ),
        )
        return _framed(framing.pack(*amended_to(amended)))

    async def text(self, request: Request) -> Response:
        """Short texts in, redacted texts out, ahead of ingestion."""
        body = await _body(request, MAX_TEXT_BYTES)
        try:
            data, _ = framing.unpack(body)
            texts = [str(text) for text in data["texts"]]
        except (framing.FramingError, KeyError, TypeError) as error:
            raise Refused("bad-request", "The request is not in the expected form.") from error
        profile, keys = _profile(data), _keys(data)
        redacted, blind = await self._run(
            "query",
            request,
            lambda: self.pipeline.redact_words(texts, profile=profile, keys=keys),
        )
        answer = {
            "texts": [serial.text_to(item) for item in redacted],
            "blind": serial.blind_to(blind),
        }
        return _framed(framing.pack(answer))

    async def tensors(self, request: Request) -> Response:
        """Rendition in, arrays out."""
        meta = _meta(request)
        spec = _spec(meta)
        media_type = str(meta.get("media_type", ""))
        lane: Lane = "query" if meta.get("priority") == "query" else "ingest"
        async with _memfd() as fd:
            arrays = await self._run(
                lane,
                request,
                lambda: self.sandbox.tensors(
                    fd, media_type=media_type, spec=spec, limits=self.pipeline.limits
                ),
                before=self._reading(request, fd, self.max_upload_bytes),
            )
        return _framed(await asyncio.to_thread(framing.pack_arrays, {}, arrays))

    async def overlay(self, request: Request) -> Response:
        """Rendition and heat in, a PNG out, ahead of ingestion: somebody waits for it."""
        meta = _meta(request)
        heat, media_type = _heat(meta), str(meta.get("media_type", ""))
        async with _memfd() as fd:
            picture = await self._run(
                "query",
                request,
                lambda: self.sandbox.overlay(
                    fd, media_type=media_type, heat=heat, limits=self.pipeline.limits
                ),
                before=self._reading(request, fd, self.max_upload_bytes),
            )
        return Response(picture, media_type="image/png")

    async def query_file(self, request: Request) -> Response:
        """A query's file in, QueryMedia out."""
        meta = _meta(request)
        profile = _profile(meta)
        async with _memfd() as fd:
            media = await self._run(
                "query",
                request,
                lambda: self.pipeline.query_file(
                    fd, name=str(meta.get("name", "")), profile=profile, claim=_claim(meta)
                ),
                before=self._reading(request, fd, MAX_QUERY_FILE_BYTES),
            )
        return _framed(framing.pack(*serial.query_media_to(media)))

    async def health(self, request: Request) -> Response:
        """Who lives, what works, how much memory."""
        del request
        sandbox = await asyncio.to_thread(self.sandbox.health)
        return JSONResponse(
            {
                "status": "ok" if sandbox.running else "degraded",
                "sandbox": asdict(sandbox),
                "profiles": [get_profile(name).ref for name in profile_names()],
                "covers": list(get_profile("standard").covers),
                "redactor": self.pipeline.redactor.version,
                "running": self.gate.running,
                "waiting": self.gate.waiting,
                "memory": uds.resident_bytes(),
            }
        )

    async def _reading(self, request: Request, fd: int, limit_bytes: int) -> None:
        """The body, straight into memory that has no name on any disk."""
        try:
            async for piece in uds.body_within(request, limit_bytes):
                await asyncio.to_thread(_write_all, fd, piece)
        except uds.BodyTooLargeError as error:
            raise _too_large(limit_bytes) from error

    async def _run(
        self,
        lane: Lane,
        request: Request,
        work: Callable[[], T],
        *,
        before: Any = None,
    ) -> T:
        """``work`` in a thread, once a slot is free; the body (``before``) is not read earlier.

        A thread cannot be stopped: its slot is given back when it ends, even if nobody waits for it
        any more.
        """
        seconds = _deadline_seconds(request)
        try:
            await self.gate.acquire(lane, seconds=min(seconds, _MAX_WAIT_SECONDS))
        except GateFullError:
            if before is not None:
                before.close()
            raise
        handed_over = False
        try:
            if before is not None:
                await before
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self.threads, work)
            future.add_done_callback(lambda _: self.gate.release(lane))
            handed_over = True
            return await asyncio.wait_for(_outcome(future), seconds)
        finally:
            if not handed_over:
                self.gate.release(lane)


async def _outcome(future: asyncio.Future[T]) -> T:
    try:
        return await asyncio.shield(future)
    except DecodeError as error:
        raise Refused(error.code, error.reason, error.disposition) from None
    except RedactionTimeoutError:
        raise Refused(
            "redaction-timeout", "Looking for personal data took longer than is allowed."
        ) from None
    except RedactionError as error:
        log.warning("redaction-failed", what=str(error))
        raise Refused("redaction-failed", "Looking for personal data failed.") from None


def _write_all(fd: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(fd, view) :]


@asynccontextmanager
async def _memfd() -> AsyncIterator[int]:
    fd = os.memfd_create("upload", os.MFD_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


async def _body(request: Request, limit_bytes: int) -> bytes:
    pieces = bytearray()
    try:
        async for piece in uds.body_within(request, limit_bytes):
            pieces += piece
    except uds.BodyTooLargeError as error:
        raise _too_large(limit_bytes) from error
    return bytes(pieces)


def _too_large(limit_bytes: int) -> Refused:
    megabytes = limit_bytes // MEGABYTE
    return Refused(
        "too-large", f"The file is larger than the {megabytes} MB that are taken.", "rejected"
    )


def _meta(request: Request) -> dict[str, Any]:
    try:
        return decode_meta(request.headers[META_HEADER])
    except (KeyError, ValueError) as error:
        raise Refused("bad-request", "The request is not in the expected form.") from error


def _profile(data: dict[str, Any]) -> Profile:
    """The profile that came whole, or the newest shipped one of the name that came."""
    given = data.get("profile", "")
    try:
        return get_profile(given) if isinstance(given, str) else profile_from(given)
    except UnknownProfileError as error:
        raise Refused("unknown-profile", "The redaction profile is not known.") from error
    except ProfileError as error:
        raise Refused("bad-profile", "The redaction profile cannot be read.") from error


def _keys(data: dict[str, Any]) -> RedactionKeys:
    try:
        return keys_from(data.get("keys"))
    except ValueError as error:
        raise Refused("bad-request", "The request is not in the expected form.") from error


def _claim(meta: dict[str, Any]) -> Claim:
    try:
        return Claim(modality=str(meta.get("modality", "")), rate_hz=int(meta.get("rate_hz", 0)))
    except (TypeError, ValueError) as error:
        raise Refused("bad-request", "The request is not in the expected form.") from error


def _heat(meta: dict[str, Any]) -> Heat:
    try:
        heat = Heat(
            rows=tuple(tuple(int(value) for value in row) for row in meta["heat"]),
            spans=tuple((int(start), int(end)) for start, end in meta["spans"]),
            window_ms=(int(meta["window_ms"][0]), int(meta["window_ms"][1])),
        )
        heat.checked()
    except (LookupError, TypeError, ValueError) as error:
        raise Refused("bad-request", "The request is not in the expected form.") from error
    return heat


def _spec(meta: dict[str, Any]) -> TensorSpec:
    try:
        spec = meta["spec"]
        windows = tuple((int(start), int(end)) for start, end in spec["windows_ms"])
        return TensorSpec(
            longest_side=int(spec["longest_side"]),
            sample_rate=int(spec["sample_rate"]),
            windows_ms=windows,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("bad-request", "The request is not in the expected form.") from error


def _deadline_seconds(request: Request) -> float:
    try:
        return max(0.05, int(request.headers[DEADLINE_HEADER]) / 1000)
    except (KeyError, ValueError):
        return _DEFAULT_DEADLINE_SECONDS


def _framed(body: bytes) -> Response:
    return Response(body, media_type=framing.CONTENT_TYPE)
