"""Pictures from outside → upright 8-bit sRGB.

The decode policy, in the order it is applied: the limit on bytes; the kind, told by content and never by the name;
the limit on pixels, from the header, before a pixel is allocated; the orientation, by what stands in front of the
pixels; the whole first frame or an error; colours (see colours.py). Whatever goes wrong is one RubylithError that names
the picture.
"""

import hashlib
import io
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL import AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin
from PIL import WebPImagePlugin as Webp
from PIL.Image import Transpose

from rubylith.domain.errors import InvalidImage, NotAccessible, NotFound, RubylithError, TooLarge, TooManyPixels
from rubylith.domain.geometry import Size
from rubylith.domain.image import AtHand, Image, Inline
from rubylith.service.colours import eight_bit, on_white, to_rgb

Convert: TypeAlias = Callable[[PIL.Image.Image], PIL.Image.Image]


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest picture that is taken in.

    max_pixels: 120 million holds every camera of 2025 but a few (medium format has 102, phones 108) in 360 MB of
    pixels. max_bytes: that many pixels uncompressed at 8 bits, and a little for the header.
    """

    max_bytes: int = 400_000_000
    max_pixels: int = 120_000_000


DEFAULT_LIMITS = Limits()

# Pillow's readers by the kind's name. They are called directly because PIL.Image.open would first apply its own
# limit, which is global to the process and therefore the caller's to set.
READERS: dict[str, Callable[[io.BytesIO], PIL.Image.Image]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.jpeg_factory,  # also MPO, the JPEG of several views
    "WebP": Webp.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}
if AvifImagePlugin.SUPPORTED:
    READERS["AVIF"] = AvifImagePlugin.AvifImageFile

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"8BPS", "PSD"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
)
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC"}

EXIF_ORIENTATION = 0x0112
SIDEWAYS = {5, 6, 7, 8}  # EXIF's orientations that swap width and height
UPRIGHT = {  # EXIF's orientation: what puts the picture upright
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def open_image(source: AtHand, limits: Limits = DEFAULT_LIMITS) -> Image:
    """The picture, upright; InvalidImage, TooLarge, NotFound or NotAccessible if that cannot be had."""
    data = read_bytes(source, limits)
    return Image(decode(data, source.name, limits), digest_of(data))


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself before its pixels are read. size: upright. orientation: EXIF's, 1 to 8."""

    kind: str
    size: Size
    orientation: int = 1

    @property
    def stored(self) -> Size:
        """The size of the pixels as they lie in the file."""
        return Size(self.size.width, self.size.height) if self.orientation in SIDEWAYS else self.size


def inspect(data: bytes, name: str = "the picture", limits: Limits = DEFAULT_LIMITS) -> Header:
    """Kind and size by the header alone, under the same rules as `open_image`; broken pixels are not noticed."""
    data = read_bytes(Inline(data, name), limits)
    with _opened(data, name) as (kind, image):
        _check_size(image, name, limits)
        size, orientation = Size(image.height, image.width), _orientation_of(image)
    upright = Size(size.width, size.height) if orientation in SIDEWAYS else size
    return Header(kind, upright, orientation)


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal: what an Image made of these bytes carries."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(source: AtHand, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The encoded picture, never more than the limit; also from a pipe."""
    if isinstance(source, Inline):
        data = source.data
    else:
        try:
            with source.path.open("rb") as file:
                data = file.read(limits.max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null byte in the path
            raise NotFound(f"There is no file {source.name}", "Check the path") from None
        except IsADirectoryError:
            raise NotAccessible(f"{source.name} is a folder", "Give a file") from None
        except PermissionError:
            raise NotAccessible(f"{source.name} may not be read", "Give this user permission to read it") from None
        except OSError as error:
            message = f"{source.name} cannot be read: {error.strerror or error}"
            raise NotAccessible(message, "Check the path and the disk") from None
    if not data:
        raise InvalidImage(f"{source.name} is empty (0 bytes)", "Send the picture again")
    if len(data) > limits.max_bytes:
        raise TooLarge(
            f"{source.name} has more than {limits.max_bytes:,} bytes",
            "Compress it (JPEG, WebP); the limit is RUBYLITH_MAX_BYTES, in Python max_bytes",
        )
    return data


def from_pil(image: PIL.Image.Image) -> Image:
    """A Pillow image as it stands, so that masks line up with it: EXIF orientation is not applied, colours are."""
    try:
        image.load()
        rgb = to_rgb(image)
    except Exception as error:  # as in decode
        raise InvalidImage(f"The Pillow image cannot be read: {error}", "Check the file that it came from") from error
    return _from_pixels(np.array(rgb))


def from_array(array: npt.NDArray[Any]) -> Image:
    """An array as it stands; its pixels are copied.

    array: (H, W) or (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA; bool, uint8, uint16 over its full range,
    or floats from 0 to 1. InvalidImage for anything else.
    """
    shape = " x ".join(str(side) for side in array.shape) or "()"
    grey = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    if not (grey or (array.ndim == 3 and array.shape[2] in {3, 4})) or array.size == 0:
        channels_first = array.ndim == 3 and array.shape[0] in {1, 3, 4}
        raise InvalidImage(
            f"An array of shape {shape} is no picture",
            "Move the channels last: array.transpose(1, 2, 0)"
            if channels_first
            else "Give (height, width), (height, width, 3) in RGB or (height, width, 4) in RGBA, one picture at a time",
        )
    pixels = eight_bit(array)
    if grey:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)  # (H, W, 3)
    elif array.shape[2] == 4:
        pixels = np.array(on_white(PIL.Image.fromarray(pixels)))
    return _from_pixels(pixels)


def _from_pixels(pixels: npt.NDArray[np.uint8]) -> Image:
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return Image(pixels, hashlib.sha256(b"%d %d " % (height, width) + pixels.data).hexdigest())


def decode(data: bytes, name: str, limits: Limits, convert: Convert = to_rgb) -> npt.NDArray[Any]:
    """The upright pixels of an encoded picture. convert: what they become, RGB unless said otherwise."""
    with _opened(data, name) as (_, image):
        _check_size(image, name, limits)
        turn = UPRIGHT.get(_orientation_of(image))  # as `inspect` tells it, whatever stands behind the pixels
        image.load()
        converted = convert(image)
    if turn is not None:
        converted = converted.transpose(turn)
    return np.asarray(converted)


@contextmanager
def _opened(data: bytes, name: str) -> Generator[tuple[str, PIL.Image.Image]]:
    """The kind of picture and Pillow's reader of it; whatever goes wrong within is one error that names the picture."""
    kind = _kind_of(data)
    if kind not in READERS:
        what = f"is {kind}, which is not read" if kind else "is not a picture that can be read"
        raise InvalidImage(f"{name} {what}", f"Convert it to one of {', '.join(READERS)}")
    try:
        with READERS[kind](io.BytesIO(data)) as image:
            yield kind, image
    except RubylithError:
        raise
    except MemoryError as error:
        raise TooLarge(f"{name} does not fit into this machine's memory", "Scale it down") from error
    except Exception as error:  # decoders raise whatever comes to hand on broken bytes
        raise InvalidImage(
            f"{name} is a broken or truncated {kind} ({error or type(error).__name__})", "Fetch or export it again"
        ) from error


def _kind_of(data: bytes) -> str | None:
    """The kind of file by its first bytes; None if they say nothing."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        # the major brand may be a general one; the compatible brands that follow then tell
        brands = [data[i : i + 4] for i in range(8, min(int.from_bytes(data[:4]), 64), 4)]
        kinds = [BRANDS[brand] for brand in brands if brand in BRANDS]
        return "AVIF" if "AVIF" in kinds else next(iter(kinds), None)
    return next((kind for signature, kind in SIGNATURES if data.startswith(signature)), None)


def _check_size(image: PIL.Image.Image, name: str, limits: Limits) -> None:
    size = Size(image.height, image.width)
    if size.area > limits.max_pixels:
        raise TooManyPixels(
            f"{name} has {size} = {size.area:,} pixels; the limit is {limits.max_pixels:,}",
            "Scale it down; the limit is RUBYLITH_MAX_PIXELS, in Python max_pixels",
        )
    if size.area == 0:
        raise InvalidImage(f"{name} has no pixels ({size})", "Send a picture")


def _orientation_of(image: PIL.Image.Image) -> int:
    """By how EXIF, or else XMP, says that the pixels are to be turned, 1 to 8. To be asked before they are read.

    1 for a TIFF, which Pillow itself turns by its own tag, and where the EXIF is broken.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        image.info.pop("xmp", None)  # Pillow would turn the pixels by it, but not the size that it tells before
        return 1
    try:
        # not PngImageFile's own, which reads all pixels to look for more behind them
        orientation = int(PIL.Image.Image.getexif(image).get(EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  a broken EXIF does not make the pixels unreadable
        return 1
    return orientation if orientation in UPRIGHT else 1
