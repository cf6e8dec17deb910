"""Keeps children alive: starts them, restarts those that die, and stops them in reverse order."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.embedded.process import kill_session, spawn
from deploy.paths import Paths
from deploy.supervisor.errors import StartError, StopRequestedError
from deploy.supervisor.logs import rotate
from deploy.supervisor.services import Service

_TICK_SECONDS = 0.1
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 60.0
# A child that has lived this long starts again at the shortest delay when it dies.
_SETTLED_SECONDS = 120.0
_ROTATE_SECONDS = 30.0


@dataclass
class Child:
    """A service and the process that is it now."""

    service: Service
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    restart_at: float | None = None


def restart_delay(deaths: int) -> float:
    """Seconds to wait before the ``deaths``-th restart in a row: 1, 2, 4 … 60."""
    exponent = min(max(deaths - 1, 0), 10)
    return float(min(_FIRST_DELAY_SECONDS * 2**exponent, _LONGEST_DELAY_SECONDS))


@dataclass
class Watch:
    """All children of one appliance; used from the thread that lives as long as they do."""

    paths: Paths
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    stop_requests: int = 0
    _last_rotation: float = field(default_factory=time.monotonic)

    def install_signals(self) -> None:
        """Ctrl-C, TERM and HUP ask for an orderly stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)

    def _request_stop(self, _signal: int, _frame: object) -> None:
        self.stop_requests += 1

    def start(self, service: Service) -> None:
        """Start a child without waiting for it."""
        service.prepare()
        self.children.append(Child(service, spawn(service.launch), time.monotonic()))

    def wait_ready(self, names: list[str]) -> None:
        """Return once all of ``names`` are ready, reporting each.

        Raises:
            StartError: one of them died or took too long.
            StopRequestedError: a signal came.
        """
        waiting = [child for child in self.children if child.service.name in names]
        while waiting:
            self.pause()
            for child in list(waiting):
                name, log = child.service.name, child.service.launch.log
                if child.process.poll() is not None:
                    raise StartError(f"{name} ended while starting: see {log}.")
                seconds = time.monotonic() - child.started
                if child.service.ready():
                    self.say(f"{name} is ready ({seconds:.1f} s)")
                    waiting.remove(child)
                elif seconds > child.service.start_seconds:
                    raise StartError(f"{name} is not ready after {seconds:.0f} s: see {log}.")

    def pause(self) -> None:
        """One tick. Raises StopRequestedError when a signal has come."""
        time.sleep(_TICK_SECONDS)
        if self.stop_requests:
            raise StopRequestedError

    def run_command(self, argv: list[str], **popen: object) -> int:
        """The exit status of a helper command; it is ended when a signal comes."""
        process = subprocess.Popen(argv, **popen)  # type: ignore[call-overload]  # Popen's own keywords
        try:
            while process.poll() is None:
                self.keep_alive()
                self.pause()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=30)
        return int(process.returncode)

    def forever(self) -> None:
        """Keep the children alive until a signal asks to stop."""
        while not self.stop_requests:
            time.sleep(2 * _TICK_SECONDS)
            self.keep_alive()

    def keep_alive(self) -> None:
        """Restart what has died and whose delay is over; rotate logs now and then."""
        now = time.monotonic()
        for child in self.children:
            if child.restart_at is not None:
                if now >= child.restart_at:
                    self._restart(child)
            elif child.process.poll() is not None:
                self._bury(child, now)
        if now - self._last_rotation > _ROTATE_SECONDS:
            self._last_rotation = now
            rotate(self.paths.log)

    def _bury(self, child: Child, now: float) -> None:
        kill_session(child.process.pid)
        lived = now - child.started
        child.deaths = 1 if lived > _SETTLED_SECONDS else child.deaths + 1
        delay = restart_delay(child.deaths)
        child.restart_at = now + delay
        self.say(
            f"{child.service.name} ended ({_how(child.process.returncode)}), "
            f"starting it again in {delay:.0f} s"
        )

    def _restart(self, child: Child) -> None:
        child.restart_at = None
        child.started = time.monotonic()
        child.service.prepare()
        child.process = spawn(child.service.launch)

    def stop(self) -> None:
        """Stop all in reverse: asked first, killed after their grace or at a second signal."""
        already = self.stop_requests
        for child in reversed(self.children):
            if child.process.poll() is None:
                child.process.send_signal(child.service.launch.stop_signal)
                deadline = time.monotonic() + child.service.grace_seconds
                while child.process.poll() is None and time.monotonic() < deadline:
                    if self.stop_requests > already:
                        break
                    time.sleep(_TICK_SECONDS / 2)
            kill_session(child.process.pid)
            child.process.wait()
            self.say(f"{child.service.name} stopped")
        self.children.clear()


def _how(status: int) -> str:
    if status < 0:
        return signal.Signals(-status).name
    return f"exit status {status}"
