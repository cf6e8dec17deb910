"""The command line of deploy/up and deploy/down, checked before anything starts."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from deploy.paths import ROOT
from deploy.supervisor.errors import StartError

DEFAULT_PORT = 8000
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Options:
    """What the operator asked for."""

    data: Path
    port: int = DEFAULT_PORT
    listen: str = "127.0.0.1"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    demo: bool = True
    detach: bool = False
    offline: Path | None = None

    @property
    def url(self) -> str:
        """The address to open."""
        scheme = "https" if self.tls_cert else "http"
        host = self.listen
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not bound to
            host = socket.gethostname()
        if ":" in host:
            host = f"[{host}]"
        return f"{scheme}://{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.listen)


def parse_up(argv: list[str]) -> Options:
    """The options of ``deploy/up``.

    Raises:
        StartError: they contradict each other, or a file is not there.
    """
    parser = argparse.ArgumentParser(
        prog="deploy/up", description="Set up and run everything.", allow_abbrev=False
    )
    parser.add_argument("--no-demo", action="store_true", help="no demo collections and users")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of the web server")
    parser.add_argument("--data", help="data folder (default: var, or $VITRINE_DATA)")
    parser.add_argument("--listen", default="127.0.0.1", help="address; beyond loopback needs TLS")
    parser.add_argument("--tls-cert", help="certificate chain, PEM")
    parser.add_argument("--tls-key", help="its private key, PEM")
    parser.add_argument("--detach", action="store_true", help="return once ready; see deploy/down")
    parser.add_argument(
        "--offline",
        metavar="BUNDLE",
        help="install from what deploy/bundle wrote, and nothing else",
    )
    given = parser.parse_args(argv)
    options = Options(
        data=_data_folder(given.data),
        port=given.port,
        listen=given.listen,
        tls_cert=_file(given.tls_cert, "--tls-cert"),
        tls_key=_file(given.tls_key, "--tls-key"),
        demo=not given.no_demo,
        detach=given.detach,
        offline=_folder(given.offline),
    )
    check(options)
    return options


def parse_down(argv: list[str]) -> Path:
    """The data folder whose appliance ``deploy/down`` stops."""
    parser = argparse.ArgumentParser(prog="deploy/down", description="Stop the appliance.")
    parser.add_argument("--data", help="data folder (default: var, or $VITRINE_DATA)")
    return _data_folder(parser.parse_args(argv).data)


def check(options: Options) -> None:
    """Refuse what would expose the demo or send passwords in clear.

    Raises:
        StartError: with the mend.
    """
    if not 0 < options.port <= _HIGHEST_PORT:
        raise StartError(f"--port must be between 1 and {_HIGHEST_PORT}.")
    if (options.tls_cert is None) != (options.tls_key is None):
        raise StartError("--tls-cert and --tls-key belong together: give both.")
    if options.loopback:
        return
    if options.tls_cert is None:
        raise StartError(
            f"--listen {options.listen} can be reached from other machines: "
            "add --tls-cert FILE --tls-key FILE."
        )
    if options.demo:
        raise StartError(
            f"--listen {options.listen} can be reached from other machines and the demo's "
            "passwords lie in a file: add --no-demo."
        )


def is_loopback(host: str) -> bool:
    """Whether ``host`` means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise StartError(f"--listen {host} is not an IP address.") from None


def check_port(options: Options) -> None:
    """Raise StartError where the web server could not bind its address."""
    family = socket.AF_INET6 if ":" in options.listen else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.listen, options.port))
        except PermissionError:
            raise StartError(
                f"Port {options.port} is reserved for root: choose one above 1023 with --port."
            ) from None
        except OSError as error:
            raise StartError(
                f"Port {options.port} on {options.listen} cannot be used ({error.strerror}): "
                "choose another with --port."
            ) from None


def _folder(given: str | None) -> Path | None:
    if given is None:
        return None
    return (Path(os.environ.get("VITRINE_START_DIR", ".")) / given).resolve()


def _data_folder(given: str | None) -> Path:
    start = Path(os.environ.get("VITRINE_START_DIR", "."))
    return (start / (given or os.environ.get("VITRINE_DATA") or ROOT / "var")).resolve()


def _file(given: str | None, name: str) -> Path | None:
    if given is None:
        return None
    path = (Path(os.environ.get("VITRINE_START_DIR", ".")) / given).resolve()
    if not path.is_file():
        raise StartError(f"{name} {path} is not a file.")
    return path
