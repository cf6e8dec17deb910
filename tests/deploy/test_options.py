import socket
from pathlib import Path

import pytest

from deploy.supervisor.errors import StartError
from deploy.supervisor.options import Options, check_port, parse_up

EVERYWHERE = "0.0.0.0"  # noqa: S104 - refused, never bound


@pytest.fixture(autouse=True)
def _start_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITRINE_START_DIR", str(tmp_path))
    (tmp_path / "cert.pem").write_text("")
    (tmp_path / "key.pem").write_text("")


def test_relative_paths_are_relative_to_where_the_command_was_typed(tmp_path: Path):
    assert parse_up(["--data", "some where"]).data == tmp_path / "some where"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "0"], "--port"),
        (["--port", "70000"], "--port"),
        (["--listen", EVERYWHERE], "--tls-cert"),
        (["--listen", "::"], "--tls-cert"),
        (["--listen", "192.0.2.1", "--no-demo"], "--tls-cert"),
        (["--listen", "example.org"], "not an IP address"),
        (["--tls-cert", "cert.pem"], "belong together"),
        (["--tls-cert", "nothing.pem", "--tls-key", "key.pem"], "not a file"),
        (["--listen", EVERYWHERE, "--tls-cert", "cert.pem", "--tls-key", "key.pem"], "--no-demo"),
    ],
)
def test_what_would_expose_passwords_is_refused(arguments, says):
    with pytest.raises(StartError, match=says):
        parse_up(arguments)


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_tls(listen):
    assert parse_up(["--listen", listen]).loopback


def test_beyond_loopback_with_tls_and_without_demo_is_allowed():
    options = parse_up(
        ["--listen", "192.0.2.1", "--no-demo", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]
    )
    assert not options.loopback
    assert options.url == "https://192.0.2.1:8000"


@pytest.mark.enable_socket
def test_a_busy_port_is_named_with_its_mend(tmp_path: Path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(StartError, match=rf"Port {port} .* --port"):
            check_port(Options(data=tmp_path, port=port))
    check_port(Options(data=tmp_path, port=port))
