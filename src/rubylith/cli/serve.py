"""`rubylith serve`: the HTTP service."""

import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from rubylith.cli._lines import say
from rubylith.domain.errors import InvalidSetting, RubylithError

if TYPE_CHECKING:
    from rubylith.server import Server
    from rubylith.settings import Settings


def command(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on; beyond loopback keys are needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    home: Annotated[Path | None, typer.Option(help="The data folder, instead of RUBYLITH_HOME.")] = None,
) -> int:
    """Serve masks over HTTP until told to stop; then finish or hand back what is under way."""
    from rubylith import logs, server, traces
    from rubylith.settings import read_settings

    settings = read_settings()
    settings = settings if home is None else replace(settings, home=home)
    flush_log = logs.configure(sys.stderr)
    flush_traces = traces.configure(settings.otlp_url) if settings.otlp_url else None
    listener = _listener(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    try:
        built = server.build(settings, address=address)
        server.check_exposure(host, built)
        if (fault := server.check_embedded(built)) is not None:
            say(fault)
        _run(built, listener, settings.public_url or address)
    finally:
        listener.close()
        if flush_traces is not None:
            flush_traces()
        flush_log()
    if built.stuck.is_set():
        os._exit(0)  # what would not stop was handed back, and its thread would keep the process alive
    return 0


def _run(built: "Server", listener: socket.socket, address: str) -> None:
    import uvicorn

    from rubylith import server, site

    class Stoppable(uvicorn.Server):
        """Jobs stop while requests end, not after them."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            server.stop(built)
            await super().shutdown(sockets)

    config = uvicorn.Config(
        site.application(built),
        http="h11",  # by name, for where httptools is installed too; see docs/decisions/0025
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(built.settings.grace_seconds),
        timeout_keep_alive=75,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped_already)
    _greet(built, address)
    running = Stoppable(config)
    running.run(sockets=[listener])
    if running.force_exit:
        built.stuck.set()


def _stopped_already(_number: int, _frame: FrameType | None) -> None:
    """Uvicorn raises the signal that stopped it once more, when all has ended."""


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise InvalidSetting(
            f"Nothing can listen on {host} port {port}: {getattr(error, 'strerror', None) or error}",
            "Choose another --port, or --port 0 for any that is free",
        ) from None
    # Connections inherit it. Without it the body of an answer waits up to 40 ms for the caller's word on its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _way_to(model: str, settings: "Settings") -> str:
    """How to get what the model needs."""
    try:
        settings.store.check_pull(model, settings.files)
    except RubylithError as error:
        return error.hint
    return f"Get them with `rubylith models pull {model}`"


def _greet(built: "Server", address: str) -> None:
    access = "a key is needed" if built.service.access.needs_key() else "no key is needed, on this machine only"
    model = built.settings.model
    if built.settings.store.lacks(model, built.settings.files):
        say(f"The files of {model} are not here. {_way_to(model, built.settings)}, also while it serves.")
    for line in (
        f"Rubylith serves at {address} with the model {model}; {access}.",
        f"Try:  curl {address}/v1/segment -F image=@photo.jpg -H 'Accept: application/zip' -o masks.zip",
        f"Read: {address} says what is served where, {address}/v1/docs how to ask.",
        f"Data: {built.settings.home}",
    ):
        say(line)
