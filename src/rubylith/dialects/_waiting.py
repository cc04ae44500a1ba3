"""Waits for scheduled work on behalf of a request, and lets the work know when the caller has gone."""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from rubylith.dialects._asking import service_of
from rubylith.domain.job import Cancelled
from rubylith.service.scheduler import Ticket, stopping, too_late

GRACE_SECONDS = 0.5  # for work that notices the deadline itself
UNWATCHED_SECONDS = 0.02  # only then does a task begin to look whether the caller is still there: light work is over

Result = TypeVar("Result")


async def wait_for(request: Request, ticket: Ticket, future: "Future[Result]") -> Result:
    """The work's result, or its error. If the caller hangs up first, the work is told at its next check.

    TimedOut past the deadline, also while the work waits in line, or is at something that cannot be stopped.

    The request's body must have been read: what arrives after it can only be the news that the caller has gone.
    """
    await _settle(request, ticket, future)
    return result_of(future)


def result_of(future: "Future[Result]") -> Result:
    """What work that has ended came to, or its error; Overloaded if it left the line before it began."""
    if future.cancelled():
        raise stopping()
    return future.result()


async def has_ended(request: Request, ticket: Ticket, future: "Future[Any]", seconds: float | None = None) -> bool:
    """Wait until the work has ended, or so many seconds. What it came to is not told; the rest is as `wait_for` says.

    Cancelled where the caller hangs up before the work was begun.
    """
    await _settle(request, ticket, future, seconds)
    return future.done()


async def _settle(request: Request, ticket: Ticket, future: "Future[Any]", seconds: float | None = None) -> None:
    left = max(0.0, ticket.seconds_left) + GRACE_SECONDS
    patience = left if seconds is None else min(seconds, left)
    endings = service_of(request).scheduler.endings
    try:
        await _no_longer_than(min(patience, UNWATCHED_SECONDS), endings.watch(future))
        if not future.done() and patience > UNWATCHED_SECONDS:
            await _watched(request, ticket, future, endings.watch(future), patience - UNWATCHED_SECONDS)
        if not future.done() and patience == left:
            let_go(ticket, future)
            raise too_late()
    except asyncio.CancelledError:  # the server stops and waits no longer
        let_go(ticket, future)
        raise


async def _no_longer_than(seconds: float, ended: "asyncio.Future[None]") -> None:
    """Wait for what nobody else waits for; `asyncio.wait` would do the same for several times the computing."""
    timer = asyncio.get_running_loop().call_later(seconds, lambda: ended.done() or ended.set_result(None))
    try:
        await ended
    finally:
        timer.cancel()


async def _watched(
    request: Request, ticket: Ticket, future: "Future[Any]", ended: "asyncio.Future[None]", seconds: float
) -> None:
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({ended, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and not future.done():
            if let_go(ticket, future):
                raise Cancelled
            await ended
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


def let_go(ticket: Ticket, future: "Future[Any]") -> bool:
    """Nobody waits any more: work that runs is told; True for work that had not begun and leaves its place at once."""
    ticket.abandon()
    return future.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
