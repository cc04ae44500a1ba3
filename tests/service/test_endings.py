"""What threads end is told to the loop that waits: each of it, however many end at once."""

import asyncio
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from rubylith.service.endings import Endings

SOON = 10.0


def test_all_that_many_threads_end_at_once_is_told():
    async def wait(endings):
        with ThreadPoolExecutor(8) as pool:
            for _ in range(50):
                gate = threading.Barrier(8)
                works = [pool.submit(gate.wait) for _ in range(8)]
                await asyncio.wait_for(asyncio.gather(*(endings.watch(work) for work in works)), SOON)
                assert all(work.done() for work in works)

    asyncio.run(wait(Endings()))


def test_what_ends_just_when_the_loop_has_been_told_of_all_is_told_next():
    first, second = Future(), Future()

    class EndsLate(deque):
        """Empty for the last time is when the second ends."""

        def __bool__(self):
            if not len(self) and first.done() and not second.done():
                second.set_result(None)
                return False
            return len(self) > 0

    async def wait(endings):
        endings.watch(first)
        ended = endings.watch(second)
        (box,) = endings._boxes.values()
        box._ended = EndsLate()
        first.set_result(None)
        await asyncio.wait_for(ended, SOON)

    asyncio.run(wait(Endings()))
    assert second.done()


def test_what_ended_before_anybody_looked_is_told_as_well():
    async def wait(endings):
        work = Future()
        work.set_exception(ValueError("went wrong"))
        await asyncio.wait_for(endings.watch(work), SOON)
        return work

    with pytest.raises(ValueError, match="went wrong"):
        asyncio.run(wait(Endings())).result()


def test_a_loop_that_is_busy_is_woken_once_for_all():
    async def wait(endings):
        loop = asyncio.get_running_loop()
        woken = []
        wake = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *told, **context: (woken.append(told), wake(*told, **context))
        works = [Future() for _ in range(20)]
        ended = [endings.watch(work) for work in works]
        for work in works:
            work.set_result(None)
        await asyncio.wait_for(asyncio.gather(*ended), SOON)
        return woken

    assert len(asyncio.run(wait(Endings()))) == 1


def test_who_waits_no_longer_keeps_nobody_else_from_being_told():
    async def wait(endings):
        given_up, kept = Future(), Future()
        gone, ended = endings.watch(given_up), endings.watch(kept)
        gone.cancel()
        given_up.set_result(None)
        kept.set_result(None)
        await asyncio.wait_for(ended, SOON)

    asyncio.run(wait(Endings()))


def test_work_that_outlives_its_loop_ends_all_the_same():
    endings, work = Endings(), Future()

    async def begin():
        endings.watch(work)

    asyncio.run(begin())
    work.set_result("done")

    assert work.result() == "done"
