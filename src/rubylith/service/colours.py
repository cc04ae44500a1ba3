"""Any of Pillow's modes → RGB of 8 bits in sRGB, transparency laid on white."""

import io
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL import ImageCms

from rubylith.domain.errors import InvalidImage

UInt8Array = npt.NDArray[np.uint8]

WHITE = 255
TIFF_BITS_PER_SAMPLE = 258
PROFILED_MODES = {"L", "RGB", "CMYK"}
SAME_COLOUR = 2  # of 255: what rounding makes of a profile that is sRGB under another name


def to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """The loaded image in mode RGB, as a new image or the same one."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _deep_grey(image)
    if image.mode == "LAB":
        return _convert(image, _made("LAB"))
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return on_white(image, _in_srgb(image.convert("RGB"), profile) if profile else None)
    if image.mode not in PROFILED_MODES:
        image = image.convert("RGB")
    return _in_srgb(image, profile) if profile else image.convert("RGB")


def on_white(image: PIL.Image.Image, colours: PIL.Image.Image | None = None) -> PIL.Image.Image:
    """The RGBA image laid on white. `colours` (RGB) stands in for its own, where those needed a conversion."""
    white = PIL.Image.new("RGB", image.size, (WHITE, WHITE, WHITE))
    white.paste(colours or image.convert("RGB"), mask=image.getchannel("A"))
    return white


def eight_bit(array: npt.NDArray[Any]) -> UInt8Array:
    """A copy scaled to 0-255.

    array: of any shape; bool, uint8, uint16 over its full range, or floats from 0 to 1. InvalidImage otherwise.
    """
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8:
        return np.array(array)
    if array.dtype == np.uint16:
        return _scaled(array, 65535)
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidImage(
            f"Pixels of type {array.dtype} have no agreed white", "Use uint8 (0-255), uint16 or floats from 0 to 1"
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise InvalidImage(
            f"Pixels of type {array.dtype} reach from {low:g} to {high:g}; floats must lie between 0 and 1",
            "Divide by the value that means white, 255 for example",
        )
    return np.rint(array * 255).astype(np.uint8)


def _scaled(values: npt.NDArray[np.unsignedinteger[Any]], white: int) -> UInt8Array:
    """Through a table: no wider copy of the picture is made."""
    table = np.rint(np.linspace(0, 255, white + 1)).astype(np.uint8)
    return table[np.minimum(values, white)]


def _deep_grey(image: PIL.Image.Image) -> PIL.Image.Image:
    """Greys deeper than 8 bits as mode L; Pillow's own conversion clips at 255.

    16 bits (or 12 in a TIFF) are scaled from their full range. 32-bit integers and floats have no agreed white:
    floats within 0 to 1 are taken at their word, all else is stretched from its least to its greatest value.
    """
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        bits = cast("Any", getattr(image, "tag_v2", {})).get(TIFF_BITS_PER_SAMPLE, (16,))[0]
        grey = _scaled(values, 2 ** (bits if bits in {12, 16} else 16) - 1)
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            grey[values == transparent] = WHITE
        return PIL.Image.fromarray(grey)
    finite = np.where(np.isfinite(values), values, 0).astype(np.float32)
    low, high = float(finite.min()), float(finite.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    stretched = (finite - low) * (255 / (high - low) if high > low else 0)
    return PIL.Image.fromarray(np.rint(stretched).astype(np.uint8))


def _in_srgb(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    """An L, RGB or CMYK image in sRGB; a profile that is broken or meant for another mode is as good as none."""
    try:
        return _convert(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")


def _made(space: Literal["LAB", "sRGB"]) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(cast("Any", ImageCms).createProfile(space))


def _convert(image: PIL.Image.Image, profile: ImageCms.ImageCmsProfile) -> PIL.Image.Image:
    transform = ImageCms.buildTransform(
        profile,
        _made("sRGB"),
        image.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if image.mode == "RGB" and _leaves_alone(transform):
        return image
    return cast("PIL.Image.Image", ImageCms.applyTransform(image, transform))


def _leaves_alone(transform: ImageCms.ImageCmsTransform) -> bool:
    """True if the profile is sRGB in all but name, as most are: then 12 MP need not be converted."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)  # 18 levels
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, -1, 3)
    converted = np.asarray(ImageCms.applyTransform(PIL.Image.fromarray(cube), transform))
    return bool(np.abs(converted.astype(np.int16) - cube).max() <= SAME_COLOUR)
