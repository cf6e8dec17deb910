import contextlib
import os
import random
import socket as socketlib
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retrieval.backoff import Tries
from retrieval.transport import (
    TransportRefusedError,
    TransportUnavailableError,
    UnixTransport,
    decode_meta,
    encode_meta,
)
from tests.workers.serving import served


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def meta(request: Request) -> Response:
    return JSONResponse(decode_meta(request.headers["x-vitrine-meta"]))


async def refuse(request: Request) -> Response:
    return JSONResponse({"code": "no"}, status_code=422)


async def busy(request: Request) -> Response:
    return Response(status_code=503, headers={"retry-after": "7"})


BUSY_TWICE = []


async def busy_twice(request: Request) -> Response:
    BUSY_TWICE.append([503, 429, 200][len(BUSY_TWICE)])
    headers = {"retry-after": "1" if len(BUSY_TWICE) == 1 else "0"}
    return Response(await request.body(), status_code=BUSY_TWICE[-1], headers=headers)


@contextmanager
def breaking(path, seen):
    """A server that reads a request and goes away."""
    with socketlib.socket(socketlib.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        seen.append(connection.recv(10_000))

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        listener.shutdown(socketlib.SHUT_RDWR)
        thread.join()


async def crash(request: Request) -> Response:
    return Response(b"<html>", status_code=500)


async def process(request: Request) -> Response:
    return JSONResponse({"ok": True})


APP = Starlette(
    routes=[
        Route("/echo", echo, methods=["POST"]),
        Route("/meta", meta, methods=["POST"]),
        Route("/refuse", refuse, methods=["POST"]),
        Route("/busy", busy, methods=["POST"]),
        Route("/busy-twice", busy_twice, methods=["POST"]),
        Route("/crash", crash, methods=["POST"]),
        Route("/process", process),
    ]
)


@pytest.fixture(scope="module")
def socket(tmp_path_factory):
    with served(APP, tmp_path_factory.mktemp("t") / "s.sock") as path:
        yield path


@pytest.fixture
def transport(socket):
    transport = UnixTransport(socket, timeout_seconds=10)
    yield transport
    transport.close()


def test_bytes_and_streams_arrive_whole(transport):
    assert transport.post("/echo", b"abc") == b"abc"
    assert transport.post("/echo", iter([b"a" * 100_000, b"", b"b"])) == b"a" * 100_000 + b"b"


def test_names_travel_in_a_header_whatever_letters_they_have(transport):
    wanted = {"name": "Änne\r\nX-Evil: 1 \U0001f600", "n": 1}
    assert decode_meta(encode_meta(wanted)) == wanted
    assert transport.post("/meta", b"", meta=wanted) != b""


def test_refusal_busy_and_crash_are_told_apart(transport):
    with pytest.raises(TransportRefusedError) as refused:
        transport.post("/refuse", b"")
    assert refused.value.body == {"code": "no"}
    with pytest.raises(TransportUnavailableError) as unavailable:
        transport.post("/busy", b"")
    assert unavailable.value.retry_after_seconds == 7
    with pytest.raises(TransportUnavailableError) as crashed:
        transport.post("/crash", b"")
    assert crashed.value.code == "server-error"


def test_busy_is_asked_again_after_what_the_server_asked_for(transport):
    BUSY_TWICE.clear()
    begun = time.monotonic()
    assert transport.post("/busy-twice", b"abc", patience_seconds=30) == b"abc"
    assert BUSY_TWICE == [503, 429, 200]
    assert time.monotonic() - begun >= 1  # a Retry-After is a promise to wait, not a timing


def test_who_streams_or_has_no_patience_hears_that_it_is_busy_at_once(transport):
    for body in (iter([b"abc"]), b"abc"):
        BUSY_TWICE.clear()
        with pytest.raises(TransportUnavailableError) as busy:
            transport.post("/busy-twice", body)
        assert busy.value.retry_after_seconds == 1
        assert BUSY_TWICE == [503]


def test_what_breaks_the_connection_each_time_is_given_up(tmp_path: Path):
    seen = []
    with breaking(tmp_path / "b.sock", seen) as path:
        transport = UnixTransport(path, timeout_seconds=30)
        with pytest.raises(TransportUnavailableError) as broke:
            transport.post("/x", b"poison", patience_seconds=30)
        transport.close()
    assert broke.value.code == "broke-off"
    assert len([request for request in seen if request]) == 3  # the others are probes


def test_only_a_few_threads_wait_for_a_server_that_is_away(tmp_path: Path):
    transport = UnixTransport(tmp_path / "none.sock", timeout_seconds=30)
    codes, over = [], threading.Event()

    def ask():
        try:
            transport.post("/x", b"", patience_seconds=2)
        except TransportUnavailableError as error:
            codes.append((error.code, over.is_set()))

    waiting = [threading.Thread(target=ask) for _ in range(4)]
    for thread in waiting:
        thread.start()
    while transport._waiting._value:  # all four have found nobody
        time.sleep(0.01)
    ask()
    over.set()
    for thread in waiting:
        thread.join()
    assert codes == [("not-reachable", False)] + 4 * [("not-reachable", True)]
    assert transport._waiting._value == 4


def test_pauses_grow_and_differ_and_stay_within_the_deadline():
    def pauses(seed):
        tries = Tries(time.monotonic() + 1000, 1000, random=random.Random(seed))
        return [tries.pause(retry_after_seconds=None, broke=False) for _ in range(8)]

    steps = [min(0.05 * 2**n, 2.0) for n in range(8)]
    assert all(step / 2 <= pause <= step for pause, step in zip(pauses(1), steps, strict=True))
    assert pauses(1) != pauses(2)
    assert Tries(time.monotonic() + 1000, 5).pause(retry_after_seconds=7, broke=False) is None
    assert Tries(time.monotonic() + 5, 1000).pause(retry_after_seconds=7, broke=False) is None
    assert Tries(time.monotonic() + 10, 10).pause(retry_after_seconds=7, broke=False) >= 7


def test_nobody_there_is_transient(tmp_path: Path):
    with pytest.raises(TransportUnavailableError) as gone:
        UnixTransport(tmp_path / "none.sock", timeout_seconds=1).get("/x")
    assert gone.value.code == "not-reachable"


def test_a_restarted_server_is_found_again(tmp_path: Path):
    path = tmp_path / "s.sock"
    transport = UnixTransport(path, timeout_seconds=10)
    with served(APP, path):
        assert transport.post("/echo", b"1") == b"1"
    with served(APP, path):
        assert transport.post("/echo", b"2") == b"2"
    transport.close()


def test_a_forked_child_opens_connections_of_its_own(transport):
    transport.get("/process")
    before = transport._http()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            own = transport._http() is not before
            answer = transport.post("/echo", b"child")
            os.write(writer, b"ok" if own and answer == b"child" else b"no")
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"ok"
    os.close(reader)
    assert transport.post("/echo", b"parent") == b"parent"


def test_threads_share_one_client(transport):
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(transport.post("/echo", b"%d" % n)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [b"%d" % n for n in range(8)]
