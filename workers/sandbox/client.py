"""`Sandbox`: what the rest of the appliance calls to have untrusted files decoded."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from workers.sandbox import answers, wire
from workers.sandbox.child import EXIT_UNWALLED
from workers.sandbox.errors import DecodeError, SandboxUnavailable
from workers.sandbox.jobs import Job, Outcome
from workers.sandbox.memory_files import as_input, size_of
from workers.sandbox.process import ZygoteProcess, closed_on_exit
from workers.sandbox.reasons import Refusal, decode_error
from workers.sandbox.sniff import Kind, relabel, sniff
from workers.sandbox.types import (
    MAX_INTERVALS,
    MAX_POLYGONS,
    MAX_SHEETS,
    MAX_WINDOWS,
    MEGABYTE,
    Heat,
    Limits,
    Muted,
    Normalised,
    Painted,
    SandboxHealth,
    Sheet,
    SoundFacts,
    TensorSpec,
    Wall,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PIPE_BYTES: Final = MEGABYTE
_NOT_DRAWABLE: Final = "Nothing can be drawn on this kind of file."
_DEFAULT: Final = Limits()
_CPU_GRACE_SECONDS: Final = 5
"""A decoder with threads may use more processor time than wall time, up to this and a half."""


class Sandbox:
    """Decodes files in walled child processes, at most `jobs` at a time.

    Every method may be called from any thread and blocks until its answer is there. A zygote that
    has died is started again by the next call.
    """

    def __init__(self, jobs: int = 2, *, extra_operations: Path | None = None) -> None:
        """`extra_operations` is a Python file with more operations, for the sandbox's own tests."""
        self._slots = threading.BoundedSemaphore(jobs)
        self._jobs = jobs
        self._extra = extra_operations
        self._lock = threading.Lock()
        self._zygote: ZygoteProcess | None = None
        self._running = 0
        self._starts = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> Self:
        """The sandbox itself, running, its walls tried.

        Raises:
            SandboxUnavailable: this machine does not let the walls be built; the reason says which.
        """
        with self._lock:
            self._closed = False
        self._live_zygote()
        return self

    def close(self) -> None:
        """Ends the zygote and every job; callers that wait get SandboxUnavailable."""
        with self._lock:
            self._closed = True
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()

    def sniff_normalise(
        self, source: bytes | int, *, name_hint: str = "", limits: Limits = _DEFAULT
    ) -> Normalised:
        """The file as text pages, a clean picture or a clean sound.

        `source` is the content, or an open readable file descriptor (a memfd: nothing untrusted
        need ever lie on a disk), which stays open and whose position does not matter. `name_hint`
        is a file name, of which only the extension is looked at.

        Raises:
            DecodeError: the file cannot be taken; see `reasons.REASONS`.
            SandboxUnavailable: try again later.
        """
        with contextlib.ExitStack() as stack:
            fd = as_input(source, stack)
            size = size_of(fd)
            try:
                kind = self._sniff(fd, size, name_hint, limits)
                job = _normalise_job(kind, size, limits)
                answer = self._run(job, fd, limits.max_output_bytes)
            except Refusal as refusal:
                named = relabel(refusal, name_hint)
                raise decode_error(named.code, named.numbers) from None
            return answers.normalised(answer, kind, self._components())

    def tensors(
        self,
        rendition: bytes | int,
        *,
        media_type: str,
        spec: TensorSpec,
        limits: Limits = _DEFAULT,
    ) -> list[NDArray[np.uint8] | NDArray[np.float32]]:
        """What encoders take, from one of our own renditions.

        Image: one uint8 array (height, width, 3), RGB. Audio: one float32 array (samples,) in
        [-1, 1], mono at ``spec.sample_rate``, per window; what lies behind the sound's end is zero.

        Raises:
            DecodeError: the rendition cannot be read.
            SandboxUnavailable: try again later.
            ValueError: more than `MAX_WINDOWS` windows, or an unknown `media_type`.
        """
        if len(spec.windows_ms) > MAX_WINDOWS:
            raise ValueError(f"{len(spec.windows_ms)} windows, at most {MAX_WINDOWS} at a time")
        kind = answers.RENDITION_KINDS.get(media_type)
        if kind is None:
            raise ValueError(f"no tensors are made of {media_type!r}")
        arguments = {
            "kind": kind,
            "longest_side": spec.longest_side,
            "sample_rate": spec.sample_rate,
            "windows_ms": [list(window) for window in spec.windows_ms],
            "max_ms": limits.max_audio_ms,
        }
        return answers.arrays(self._asked("tensors", rendition, arguments, limits))

    def inspect_sound(self, rendition: bytes | int, *, limits: Limits = _DEFAULT) -> SoundFacts:
        """Length of one of our own sounds, decoded to its end, and what metadata it holds.

        Raises:
            DecodeError: the rendition cannot be read.
            SandboxUnavailable: try again later.
        """
        answer = self._asked(
            "inspect_sound",
            rendition,
            {"max_ms": limits.max_audio_ms},
            limits,
            wall_seconds=limits.audio_wall_seconds,
            max_output=MEGABYTE,
        )
        return answers.sound_facts(answer)

    def mute(
        self,
        rendition: bytes | int,
        *,
        intervals_ms: Sequence[tuple[int, int]],
        tone: bool = False,
        limits: Limits = _DEFAULT,
    ) -> Muted:
        """One of our own sounds with `intervals_ms` (start, end) silent, or a quiet tone there.

        The intervals may overlap and may reach over the sound's ends; its length stays.

        Raises:
            DecodeError: the rendition cannot be read.
            SandboxUnavailable: try again later.
            ValueError: more than `MAX_INTERVALS` intervals, or one that begins before the sound.
        """
        if len(intervals_ms) > MAX_INTERVALS:
            raise ValueError(f"{len(intervals_ms)} intervals, at most {MAX_INTERVALS} at a time")
        if any(start < 0 for start, _ in intervals_ms):
            raise ValueError("an interval begins before the sound")
        arguments = {
            "intervals_ms": sorted([int(start), int(end)] for start, end in intervals_ms),
            "tone": tone,
            "max_ms": limits.max_audio_ms,
        }
        answer = self._asked(
            "mute", rendition, arguments, limits, wall_seconds=limits.audio_wall_seconds
        )
        return answers.muted(answer)

    def pictures(
        self,
        source: bytes | int,
        *,
        source_type: str,
        first: int,
        count: int,
        limits: Limits = _DEFAULT,
    ) -> list[Sheet]:
        """Pictures `first` to `first + count` of those that `Normalised.sheets` counts.

        `source` is the document as it came in, `source_type` its sniffed MIME type; of a TIFF every
        page is one.

        Raises:
            DecodeError: the document cannot be read.
            SandboxUnavailable: try again later.
            ValueError: more than `MAX_SHEETS` at once, or a kind of file that has none.
        """
        if count > MAX_SHEETS:
            raise ValueError(f"{count} pictures, at most {MAX_SHEETS} at a time")
        kind = answers.SHEET_KINDS.get(source_type)
        if kind is None:
            raise ValueError(f"there are no pages in {source_type!r}")
        arguments = {
            "kind": kind,
            "first": first,
            "count": count,
            "max_pixels": limits.max_pixels,
        }
        return answers.sheets(self._asked("pictures", source, arguments, limits))

    def paint(
        self,
        rendition: bytes | int,
        *,
        polygons: Sequence[Sequence[tuple[int, int]]] = (),
        boxes: Sequence[tuple[int, int, int, int]] = (),
        limits: Limits = _DEFAULT,
    ) -> Painted:
        """One of our own pictures, as large as before, with parts of it filled.

        `polygons` are lists of (x, y) corners in pixels, `boxes` are (x, y, width, height). They
        may overlap and reach over the picture's edges.

        Raises:
            DecodeError: the rendition cannot be read.
            SandboxUnavailable: try again later.
            ValueError: more than `MAX_POLYGONS` parts.
        """
        parts = len(polygons) + len(boxes)
        if parts > MAX_POLYGONS:
            raise ValueError(f"{parts} parts to fill, at most {MAX_POLYGONS} at a time")
        corners = [[[int(x), int(y)] for x, y in polygon] for polygon in polygons]
        for x, y, width, height in boxes:
            right, bottom = x + width - 1, y + height - 1
            corners.append([[x, y], [right, y], [right, bottom], [x, bottom]])
        return answers.painted(self._asked("paint", rendition, {"polygons": corners}, limits))

    def overlay(
        self, rendition: bytes | int, *, media_type: str, heat: Heat, limits: Limits = _DEFAULT
    ) -> bytes:
        """A PNG of one of our own renditions with heat over what carries a match.

        A picture, a sound's window as a spectrogram with its axes, or a text (UTF-8) with its words
        on shades.

        Raises:
            DecodeError: the rendition cannot be read, or nothing can be drawn on its kind.
            SandboxUnavailable: try again later.
            ValueError: too many cells.
        """
        text = media_type.startswith("text/")
        kind = "text" if text else answers.RENDITION_KINDS.get(media_type, "npy")
        if kind == "npy":
            raise DecodeError("not-drawable", _NOT_DRAWABLE, "quarantined")
        arguments = {
            "kind": kind,
            "heat": heat.checked(),
            "spans": [list(span) for span in heat.spans],
            "window_ms": list(heat.window_ms),
            "max_ms": limits.max_audio_ms,
        }
        return answers.one_png(
            self._asked("overlay", rendition, arguments, limits, max_output=16 * MEGABYTE)
        )

    def thumbnail_text(self, text: str) -> bytes:
        """A WebP picture of the first lines of `text`, which must be redacted already.

        Raises:
            DecodeError, SandboxUnavailable: as above.
        """
        start = text[:4000].encode()
        return answers.one_webp(
            self._asked("thumbnail_text", start, {}, _DEFAULT, max_output=MEGABYTE)
        )

    def health(self) -> SandboxHealth:
        """The sandbox's state, without starting anything."""
        with self._lock:
            zygote = self._zygote
            alive = zygote is not None and zygote.alive
            hello = zygote.hello if zygote is not None else None
            return SandboxHealth(
                running=alive,
                pid=hello.pid if hello and alive else None,
                restarts=max(0, self._starts - 1),
                jobs_running=self._running,
                uid=hello.uid if hello else None,
                walls=tuple(Wall(*item) for item in hello.walls.items()) if hello else (),
                components=answers.component_steps(hello.components) if hello else (),
            )

    def _sniff(self, fd: int, size: int, name_hint: str, limits: Limits) -> Kind:
        if size > limits.max_input_bytes:
            raise Refusal("too-large", limit=limits.max_input_bytes // MEGABYTE)
        return sniff(
            read_at=lambda offset, count: os.pread(fd, count, offset),
            size=size,
            name_hint=name_hint,
        )

    def _live_zygote(self) -> ZygoteProcess:
        with self._lock:
            if self._closed:
                raise SandboxUnavailable("The decoding sandbox is closed.")
            if self._zygote is None or not self._zygote.alive:
                if self._zygote is not None:
                    self._zygote.close()
                    self._zygote = None
                self._zygote = ZygoteProcess(self._extra)
                self._starts += 1
            return self._zygote

    def _bury(self, zygote: ZygoteProcess) -> None:
        """Forgets a zygote that has died, so that the next job starts another."""
        with self._lock:
            if self._zygote is zygote:
                self._zygote = None
        zygote.close()

    def _components(self) -> Mapping[str, str]:
        return self._live_zygote().hello.components

    def _asked(
        self,
        operation: str,
        source: bytes | int,
        arguments: dict[str, Any],
        limits: Limits,
        *,
        wall_seconds: float | None = None,
        max_output: int | None = None,
    ) -> wire.Answer:
        """The child's answer to one operation; time and output as ``limits`` say unless given.

        Raises:
            DecodeError, SandboxUnavailable: as ``_run``, a refusal as what its callers are told.
        """
        wall = limits.wall_seconds if wall_seconds is None else wall_seconds
        most = limits.max_output_bytes if max_output is None else max_output
        with contextlib.ExitStack() as stack:
            fd = as_input(source, stack)
            job = _job(operation, arguments, size_of(fd), limits, wall)
            try:
                return self._run(job, fd, most)
            except Refusal as refusal:
                raise decode_error(refusal.code, refusal.numbers) from None

    def _run(self, job: Job, input_fd: int, max_output: int) -> wire.Answer:
        """The child's answer.

        Raises:
            Refusal: it refused the file, or died of it.
            SandboxUnavailable: the zygote died twice in a row, or the walls failed.
        """
        with self._slots:
            with self._lock:
                self._running += 1
            try:
                for _ in range(2):
                    # A zygote that dies has not had the file in its hands: once more is safe.
                    with contextlib.suppress(_ZygoteDied):
                        return self._attempt(job, input_fd, max_output)
            finally:
                with self._lock:
                    self._running -= 1
        raise SandboxUnavailable("The decoding sandbox's process died.")

    def _attempt(self, job: Job, input_fd: int, max_output: int) -> wire.Answer:
        zygote = self._live_zygote()
        with contextlib.ExitStack() as stack:
            output_read, output_write = os.pipe()
            closed_on_exit(stack, output_read)
            status_read, status_write = os.pipe()
            closed_on_exit(stack, status_read)
            with contextlib.suppress(OSError):  # Only a matter of speed.
                fcntl.fcntl(output_write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            try:
                zygote.submit(
                    job, input_fd=input_fd, output_fd=output_write, status_fd=status_write
                )
            except OSError as error:
                self._bury(zygote)
                raise _ZygoteDied from error
            finally:
                os.close(output_write)
                os.close(status_write)
            received = _read_all(output_read, max_output)
            if received is None:
                raise Refusal("decoder-output")
            outcome = _read_all(status_read, MEGABYTE)
        if not outcome:
            self._bury(zygote)
            raise _ZygoteDied
        return _judge(received, Outcome.decode(bytes(outcome)))


class _ZygoteDied(Exception):
    pass


def _job(
    operation: str, arguments: dict[str, Any], size: int, limits: Limits, wall_seconds: float
) -> Job:
    return Job(
        operation=operation,
        arguments=arguments,
        input_bytes=size,
        memory_bytes=limits.memory_bytes,
        cpu_seconds=int(wall_seconds * 1.5) + _CPU_GRACE_SECONDS,
        wall_seconds=wall_seconds,
    )


def _normalise_job(kind: Kind, size: int, limits: Limits) -> Job:
    arguments = {
        "kind": kind.name,
        "max_pixels": limits.max_pixels,
        "max_ms": limits.max_audio_ms,
        "max_pages": limits.max_pages,
        "max_chars": limits.max_text_chars,
    }
    audio = kind.modality == "audio"
    wall = limits.audio_wall_seconds if audio else limits.wall_seconds
    return _job("normalise", arguments, size, limits, wall)


def _read_all(fd: int, limit: int) -> bytearray | None:
    """Everything until the end of `fd`; None as soon as it is more than `limit` bytes."""
    received = bytearray()
    while chunk := os.read(fd, _PIPE_BYTES):
        received += chunk
        if len(received) > limit:
            return None
    return received


def _judge(received: bytearray, outcome: Outcome) -> wire.Answer:
    if outcome.timed_out or outcome.signal == signal.SIGXCPU:
        raise Refusal("decoder-timeout")
    if outcome.status == EXIT_UNWALLED:
        raise SandboxUnavailable("A decoder process could not be walled in.")
    if outcome.signal == signal.SIGKILL:
        # Not by the zygote's clock: the kernel was short of memory, or the processor limit.
        raise Refusal("decoder-memory")
    if outcome.signal or outcome.status:
        raise Refusal("decoder-crashed")
    try:
        answer = wire.parse(received)
    except wire.MalformedAnswer:
        raise Refusal("decoder-crashed") from None
    code, numbers = answer.header.get("code"), answer.header.get("numbers")
    if code is not None:
        raise Refusal(str(code), **answers.whole_numbers(numbers))
    return answer


__all__ = ["DecodeError", "Sandbox"]
