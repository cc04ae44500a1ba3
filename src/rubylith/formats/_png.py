"""PNG files: of any pixels, and of single masks in time that grows with the mask's height, not with the picture's.

Most of a mask's rows are empty. Rows of zeros compress to the same bytes every time, so those are kept, and only the
rows that the mask reaches go through zlib. Sources: PNG (ISO/IEC 15948), deflate (RFC 1951), zlib (RFC 1950).
"""

import struct
import zlib
from functools import cache

import cv2
import numpy as np

from rubylith.domain.image import UInt8Array
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded

QUICK = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB)
AS_OPENCV = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
ADLER_BASE = 65521
ZLIB_HEADER = b"\x78\x01"
LAST_BLOCK = b"\x03\x00"  # an empty block that says it is the last
ZEROS = 1 << 20  # bytes; the longest run of zeros that is kept in one piece


def encode_masks(segmentation: Segmentation, folder: str, *, bit_depth: int) -> tuple[Encoded, ...]:
    """`folder/001.png` and so on, one for each mask, numbered by its id."""
    return tuple(
        Encoded(f"{folder}/{number:03d}.png", "image/png", grey_png(mask, bit_depth=bit_depth))
        for number, mask in enumerate(segmentation.masks, 1)
    )


def encode_pixels(pixels: UInt8Array) -> bytes:
    """Quick rather than small. pixels: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA."""
    ordered = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, AS_OPENCV[pixels.shape[2]])
    return cv2.imencode(".png", ordered, QUICK)[1].tobytes()


def grey_png(mask: Mask, *, bit_depth: int) -> bytes:
    """White on black in the picture's size. bit_depth: 8 (255 and 0) or 1."""
    size = mask.rle.size
    stride = 1 + (size.width if bit_depth == 8 else -(-size.width // 8))  # a row begins with its filter, which is 0
    top, rows = _rows(mask, bit_depth)
    below = (size.height - top - len(rows)) * stride
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    middle = packer.compress(rows.data) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = _adler_of_zeros(below, zlib.adler32(rows.data, _adler_of_zeros(top * stride, 1)))
    pieces = (ZLIB_HEADER, _zeros(top * stride), middle, _zeros(below), LAST_BLOCK, struct.pack(">I", checksum))
    header = struct.pack(">IIBBBBB", size.width, size.height, bit_depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"".join(pieces)) + _chunk(b"IEND", b"")


def _rows(mask: Mask, bit_depth: int) -> tuple[int, UInt8Array]:
    """The first row that the mask reaches, and (h, stride) uint8 of all that it reaches as they stand in the file."""
    box, bitmap = mask.rle.tight()
    x, width = int(box.x0), mask.rle.size.width
    if bit_depth == 8:
        rows = np.zeros((len(bitmap), 1 + width), np.uint8)
        np.negative(bitmap.view(np.uint8), out=rows[:, 1 + x : 1 + x + bitmap.shape[1]])
        return int(box.y0), rows
    rows = np.zeros((len(bitmap), 1 + -(-width // 8)), np.uint8)
    packed = np.packbits(np.pad(bitmap, ((0, 0), (x % 8, 0))), axis=1)
    rows[:, 1 + x // 8 : 1 + x // 8 + packed.shape[1]] = packed
    return int(box.y0), rows


def _zeros(count: int) -> bytes:
    """`count` zeros, deflated, with no last block."""
    whole, rest = divmod(count, ZEROS)
    pieces = [_power_of_zeros(ZEROS)] * whole
    pieces += [_power_of_zeros(1 << place) for place in range(rest.bit_length()) if rest >> place & 1]
    return b"".join(pieces)


@cache
def _power_of_zeros(count: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(bytes(count)) + packer.flush(zlib.Z_FULL_FLUSH)


def _adler_of_zeros(count: int, before: int) -> int:
    """Adler-32 after `count` zeros more: its lower half stays, its upper half adds the lower at every byte."""
    low, high = before & 0xFFFF, before >> 16
    return (high + count * low) % ADLER_BASE << 16 | low


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
