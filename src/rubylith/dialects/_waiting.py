"""Waits for scheduled work on behalf of a request, and lets the work know when the caller has gone."""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from starlette.requests import Request

from rubylith.domain.job import Cancelled
from rubylith.service.scheduler import Ticket

Result = TypeVar("Result")


async def wait_for(request: Request, ticket: Ticket, future: "Future[Result]") -> Result:
    """The work's result, or its error. If the caller hangs up first, the work is told at its next check.

    The request's body must have been read: what arrives after it can only be the news that the caller has gone.
    """
    done = asyncio.wrap_future(future)
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            ticket.abandon()
            if future.cancel():  # it had not begun, and leaves its place in line at once
                raise Cancelled
        return await done
    except asyncio.CancelledError:  # the server stops and waits no longer
        ticket.abandon()
        raise
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
