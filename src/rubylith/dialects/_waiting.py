"""Waits for scheduled work on behalf of a request, and lets the work know when the caller has gone."""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from rubylith.domain.job import Cancelled
from rubylith.service.scheduler import Ticket, too_late

GRACE_SECONDS = 0.5  # for work that notices the deadline itself
UNWATCHED_SECONDS = 0.02  # only then does a task begin to look whether the caller is still there: light work is over

Result = TypeVar("Result")


async def wait_for(request: Request, ticket: Ticket, future: "Future[Result]") -> Result:
    """The work's result, or its error. If the caller hangs up first, the work is told at its next check.

    TimedOut past the deadline, also while the work waits in line, or is at something that cannot be stopped.

    The request's body must have been read: what arrives after it can only be the news that the caller has gone.
    """
    done = _heard(future)
    await _settle(request, ticket, future, done)
    return done.result()


async def has_ended(request: Request, ticket: Ticket, future: "Future[Any]", seconds: float | None = None) -> bool:
    """Wait until the work has ended, or so many seconds. What it came to is not told; the rest is as `wait_for` says.

    Cancelled where the caller hangs up before the work was begun.
    """
    done = _heard(future)
    await _settle(request, ticket, future, done, seconds)
    return done.done()


def _heard(future: "Future[Result]") -> "asyncio.Future[Result]":
    """The same for this loop; what it came to need not be asked for."""
    done = asyncio.wrap_future(future)
    done.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return done


async def _settle(
    request: Request,
    ticket: Ticket,
    future: "Future[Any]",
    done: "asyncio.Future[Any]",
    seconds: float | None = None,
) -> None:
    left = max(0.0, ticket.seconds_left) + GRACE_SECONDS
    patience = left if seconds is None else min(seconds, left)
    try:
        await asyncio.wait({done}, timeout=min(patience, UNWATCHED_SECONDS))
        if not done.done() and patience > UNWATCHED_SECONDS:
            await _watched(request, ticket, future, done, patience - UNWATCHED_SECONDS)
        if not done.done() and patience == left:
            let_go(ticket, future)
            raise too_late()
    except asyncio.CancelledError:  # the server stops and waits no longer
        let_go(ticket, future)
        raise


async def _watched(
    request: Request, ticket: Ticket, future: "Future[Any]", done: "asyncio.Future[Any]", seconds: float
) -> None:
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({done, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and not done.done():
            if let_go(ticket, future):
                raise Cancelled
            await asyncio.wait({done})
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
