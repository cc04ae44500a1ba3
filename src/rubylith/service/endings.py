"""Tells an event loop what threads have ended: all of it at once, for each word between them costs both of them."""

import asyncio
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary


class Endings:
    """Work of threads as futures of the event loop that waits for it.

    A loop is woken by a byte through a pipe, at which the thread lets the interpreter go and the loop takes it. Where
    much light work is under way, that is a good part of the time; so a loop that was woken is not woken again before it
    has looked. asyncio's own `wrap_future` wakes it each time.
    """

    def __init__(self) -> None:
        self._boxes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Box] = WeakKeyDictionary()

    def watch(self, work: "Future[Any]") -> "asyncio.Future[None]":
        """Done once the work is, in the running loop; what it came to is asked of the work itself."""
        loop = asyncio.get_running_loop()
        box = self._boxes.get(loop)
        if box is None:
            box = self._boxes[loop] = _Box()
        ended = loop.create_future()
        work.add_done_callback(lambda _: box.put(loop, ended))
        return ended


class _Box:
    """What has ended and was not told yet. Filled in any thread, emptied in the loop."""

    def __init__(self) -> None:
        self._ended: deque[asyncio.Future[None]] = deque()
        self._is_woken = False

    def put(self, loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[None]") -> None:
        """Have the loop told."""
        self._ended.append(ended)  # before the look at whether it was woken, or `_empty` might just have missed it
        if not self._is_woken:
            self._is_woken = True
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(self._empty)

    def _empty(self) -> None:
        self._is_woken = False
        while self._ended:
            ended = self._ended.popleft()
            if not ended.done():  # nobody waits any more
                ended.set_result(None)
