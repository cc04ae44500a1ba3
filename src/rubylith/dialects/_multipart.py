"""Answers of several files in one body: multipart/form-data (RFC 7578)."""

import secrets
from collections.abc import Iterable

from rubylith.formats import Encoded

MULTIPART = "multipart/form-data"
BOUNDARY_BYTES = 24  # long and random: some clients look for the boundary without its dashes


def write_multipart(parts: Iterable[tuple[str, Encoded]]) -> tuple[bytes, str]:
    """Body and media type of named parts, each with a file name: clients read parts without one as text."""
    boundary = secrets.token_hex(BOUNDARY_BYTES)
    pieces: list[bytes] = []
    for name, file in parts:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file.name}"\r\n'
            f"Content-Type: {file.media_type}\r\n\r\n"
        )
        pieces += [head.encode(), file.data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"{MULTIPART}; boundary={boundary}"
