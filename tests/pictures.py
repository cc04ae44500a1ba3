"""Pictures that tests draw, and files of every kind made of them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def scene(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture without any symmetry, smooth enough for JPEG: (H, W, 3) uint8."""
    rows, columns = np.mgrid[:height, :width]
    red = 255 * columns / max(1, width - 1)
    green = 255 * rows / max(1, height - 1)
    blue = np.where((rows < height // 3) & (columns < width // 4), 255, 40)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of a file of this kind."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG whose header speaks of many pixels, with hardly any data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    )
