"""Sinks against real files, sockets and servers of this machine; retries and the alarm."""

import http.server
import json
import socket
import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit.checkpoints import checkpoint_now
from audit.checkpoints.delivery import deliver_due, sinks_health
from audit.checkpoints.health import sink_probe, witness_state
from audit.checkpoints.sinks import SinkError, sink_at
from audit.models import Checkpoint, CheckpointDelivery, LedgerPending
from audit.sink_addresses import sink_addresses

pytestmark = pytest.mark.django_db
DOCUMENT = {
    "tree_size": 7,
    "root": "ab" * 32,
    "signed_at": "2026-11-21T02:05:00.000000Z",
    "signature": {"key_id": "k"},
}


def sink_of(text):
    (address,) = sink_addresses([text])
    return sink_at(address)


def test_a_directory_keeps_each_once_and_overwrites_nothing(tmp_path):
    sink = sink_of(str(tmp_path / "witness"))
    sink.probe()
    for _ in range(2):
        sink.send(DOCUMENT, {"k": "PEM"})
    file = tmp_path / "witness" / "2026" / "checkpoint-000000000007.json"
    assert json.loads(file.read_text()) == DOCUMENT
    assert (tmp_path / "witness" / "signing-k.pem").read_text() == "PEM"
    sink.send({**DOCUMENT, "root": "cd" * 32}, {})
    assert json.loads(file.read_text()) == DOCUMENT
    assert len(list(file.parent.iterdir())) == 2


def test_a_directory_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    sink = sink_of(str(tmp_path / "file" / "witness"))
    for attempt in (sink.probe, lambda: sink.send(DOCUMENT, {})):
        with pytest.raises(SinkError):
            attempt()


class Endpoint(http.server.BaseHTTPRequestHandler):
    status = 201

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(type(self).status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = http.server.HTTPServer(("127.0.0.1", 0), Endpoint)
    server.got = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_gets_it_with_the_token_and_no_redirect_is_followed(
    endpoint, settings, monkeypatch
):
    settings.VITRINE_CHECKPOINT_TOKEN = "t0ken"
    sink = sink_of(f"http://127.0.0.1:{endpoint.server_port}/in")
    sink.probe()
    sink.send(DOCUMENT, {})
    assert endpoint.got == [("/in", "Bearer t0ken", DOCUMENT)]
    monkeypatch.setattr(Endpoint, "status", 409)
    sink.send(DOCUMENT, {})
    for status in (302, 401, 500):
        monkeypatch.setattr(Endpoint, "status", status)
        with pytest.raises(SinkError, match=str(status)):
            sink.send(DOCUMENT, {})
    assert {path for path, _, _ in endpoint.got} == {"/in"}


def test_a_mail_server_gets_a_message_with_the_document():
    got, listening = [], socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def serve():
        conn, _ = listening.accept()
        with conn, conn.makefile("rwb") as file:
            file.write(b"220 ready\r\n")
            file.flush()
            data = False
            for line in file:
                got.append(line)
                if data and line != b".\r\n":
                    continue
                data = line.lower() == b"data\r\n"
                file.write(b"354 go\r\n" if data else b"250 fine\r\n")
                file.flush()
                if line.lower() == b"quit\r\n":
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    sink_of(f"smtp://127.0.0.1:{port}/?to=audit@example.org&from=v@example.org").send(DOCUMENT, {})
    thread.join()
    listening.close()
    text = b"".join(got).decode()
    assert "TO:<audit@example.org>" in text
    assert "Subject: Ledger checkpoint of 7 entries" in text
    assert 'filename="checkpoint-000000000007.json"' in text
    with pytest.raises(SinkError):
        sink_of(f"smtp://127.0.0.1:{port}/?to=audit@example.org").probe()


def test_a_system_log_gets_a_line(tmp_path):
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        sink_of(f"syslog:{path}").send(DOCUMENT, {})
        line = log.recv(10_000).decode()
    assert line.startswith("<109>1 2026-11-21T02:05:00.000000Z ")
    assert json.loads(line[line.index("{") :]) == DOCUMENT
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sink_of(f"syslog+tcp://127.0.0.1:{port}").send(DOCUMENT, {})
        conn, _ = server.accept()
        with conn:
            length, _, rest = conn.recv(10_000).partition(b" ")
    assert len(rest) == int(length)
    for gone in (f"syslog:{tmp_path / 'none'}", f"syslog+tcp://127.0.0.1:{port}"):
        with pytest.raises(SinkError):
            sink_of(gone).send(DOCUMENT, {})


class Flaky:
    """A sink that takes nothing until it is told to."""

    def __init__(self):
        self.up, self.got = False, []

    def send(self, document, keys):
        if not self.up:
            raise SinkError("ConnectionRefusedError")
        self.got.append(document["tree_size"])

    def probe(self):
        pass


def test_what_cannot_be_sent_waits_rings_and_goes_in_order(some_events, settings):
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses(["/flaky", "/well"])
    flaky, well = Flaky(), Flaky()
    well.up = True
    sinks = {"dir:/flaky": flaky, "dir:/well": well}
    now = timezone.now()
    sizes = []
    for _ in range(3):
        some_events(2)
        sizes.append(checkpoint_now().tree_size)  # signing waits for no sink
    done = deliver_due(now=now + timedelta(seconds=1), sinks=sinks)
    assert (done.sent, done.failed) == (3, 1)  # the one that is away costs one attempt a round
    assert well.got == sizes
    health = {one.name: one for one in sinks_health(now=now + timedelta(minutes=5))}
    assert (health["dir:/flaky"].waiting, health["dir:/flaky"].alarm) == (3, False)
    assert (health["dir:/well"].waiting, health["dir:/well"].alarm) == (0, False)
    (sick, _) = sinks_health(now=now + timedelta(minutes=20))
    assert (sick.alarm, sick.tries, sick.problem) == (True, 1, "ConnectionRefusedError")
    later = now + timedelta(minutes=20)
    assert deliver_due(now=later, sinks=sinks).failed == 1
    wait = CheckpointDelivery.objects.get(sink="dir:/flaky", checkpoint_id=sizes[0]).next_try_at
    assert wait - later == timedelta(minutes=2)
    flaky.up = True
    assert deliver_due(now=later + timedelta(hours=1), sinks=sinks).sent == 3
    assert flaky.got == sizes
    assert not any(one.alarm for one in sinks_health(now=later + timedelta(hours=1)))
    assert deliver_due(now=later + timedelta(hours=9), sinks=sinks).sent == 0


def test_a_sink_named_later_gets_the_newest(some_events, settings):
    settings.VITRINE_CHECKPOINT_SINKS = ()
    some_events(2)
    checkpoint_now()
    some_events(2)
    newest = checkpoint_now().tree_size
    later, sink = timezone.now() + timedelta(seconds=1), Flaky()
    sink.up = True
    assert deliver_due(now=later, sinks={"dir:/new": sink}).sent == 1
    assert sink.got == [newest]


def test_a_search_can_be_recorded_while_a_sink_is_away(some_events, settings, tmp_path):
    (tmp_path / "file").write_text("in the way")
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses([str(tmp_path / "file" / "x")])
    some_events(1)
    checkpoint_now()
    assert deliver_due(now=timezone.now() + timedelta(seconds=1)).failed == 1
    before = LedgerPending.objects.count()
    some_events(1)
    assert LedgerPending.objects.count() == before + 1
    assert sink_probe(settings.VITRINE_CHECKPOINT_SINKS[0].name) == "NotWritable"


def test_how_the_witnesses_stand(some_events, settings, tmp_path):
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses([str(tmp_path / "w")])
    assert witness_state().last is None
    assert not witness_state().alarm
    some_events(3)
    call_command("ledger", "checkpoint", stdout=StringIO(), stderr=StringIO())
    state = witness_state()
    assert (state.last.tree_size, state.uncovered, state.alarm) == (3, 0, False)
    assert list((tmp_path / "w").rglob("checkpoint-*.json"))
    Checkpoint.objects.update(signed_at=timezone.now() - timedelta(hours=3))
    some_events(1)
    from audit.chaining import chain_pending

    chain_pending()
    state = witness_state()
    assert (state.uncovered, state.overdue, state.alarm) == (2, True, True)
