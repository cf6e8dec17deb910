import os
import threading
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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
