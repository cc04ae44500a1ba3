"""Lines for people, on a terminal or in a log."""

import sys


def say(line: str) -> None:
    """One line on standard error: what went wrong, or what people want to know beside the results."""
    print(f"rubylith: {one_line(line)}", file=sys.stderr, flush=True)  # noqa: T201


def tell(line: str) -> None:
    """One line of results on standard output."""
    print(line, flush=True)  # noqa: T201


def tell_bytes(line: bytes) -> None:
    """One line of results as it is, UTF-8 whatever the terminal's encoding."""
    if sys.stdout.isatty():  # a progress bar may stand in the way of bytes
        tell(line.decode().removesuffix("\n"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def one_line(text: str) -> str:
    """Without line breaks and commands to the terminal, which names of files may hold."""
    return "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else repr(c)[1:-1] for c in text)


def in_bytes(count: int) -> str:
    """A number of bytes as people say it: 39.8 MB."""
    number, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{number:.0f} {unit}" if number >= 100 or unit == "bytes" else f"{number:.1f} {unit}"
