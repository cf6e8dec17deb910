import asyncio

import pytest

from workers.gate import Gate, GateFullError


def run(coroutine):
    return asyncio.run(coroutine)


def test_queries_have_a_slot_when_ingestion_holds_all_of_its_own():
    async def scene():
        gate = Gate(ingest=1, query=1, waiting=1)
        await gate.acquire("ingest", seconds=1)
        await gate.acquire("query", seconds=1)
        assert gate.running == {"query": 1, "ingest": 1}
        with pytest.raises(GateFullError):
            await gate.acquire("ingest", seconds=0.01)
        assert gate.waiting == {"query": 0, "ingest": 0}

    run(scene())


def test_whoever_waits_is_woken_queries_first():
    async def scene():
        gate = Gate(ingest=1, query=0, waiting=4)
        order = []
        await gate.acquire("ingest", seconds=1)

        async def enter(lane):
            async with gate.slot(lane, seconds=5):
                order.append(lane)

        tasks = [asyncio.create_task(enter("ingest"))]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(enter("query")))
        await asyncio.sleep(0)
        gate.release("ingest")
        await asyncio.gather(*tasks)
        assert order == ["query", "ingest"]
        assert gate.running == {"query": 0, "ingest": 0}

    run(scene())


def test_a_full_line_refuses_at_once():
    async def scene():
        gate = Gate(ingest=1, query=0, waiting=1)
        await gate.acquire("ingest", seconds=1)
        waiting = asyncio.create_task(gate.acquire("ingest", seconds=5))
        await asyncio.sleep(0)
        with pytest.raises(GateFullError):
            await gate.acquire("ingest", seconds=5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.release("ingest")
        await gate.acquire("ingest", seconds=1)

    run(scene())
