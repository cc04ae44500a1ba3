"""Domain → pictures: which masks an artwork shows, grown, blurred and encoded; the cut-out of a subject."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith.dialects.tengr.read import REMOVE_BACKGROUND
from rubylith.dialects.tengr.wire import AUTO, PNG, TEXT, WEBP
from rubylith.domain.errors import InvalidOrder
from rubylith.domain.geometry import Size
from rubylith.domain.image import UInt8Array
from rubylith.domain.job import Job
from rubylith.domain.mask import Mask
from rubylith.domain.rle import BoolArray
from rubylith.formats import Encoded
from rubylith.formats.matte import soft_alpha
from rubylith.formats.png import encode_pixels
from rubylith.service.morphology import blurred, grown
from rubylith.service.work import Answer

CANDIDATES = 3
LONGEST_WEBP = 16383  # pixels a side; the format has no room for more


def write_files(answer: Answer, job: Job) -> tuple[Encoded, ...]:
    """The pictures of an artwork, in the order of its results. InvalidOrder if its format has no room for them."""
    notes = cast("dict[str, Any]", job.request["extra"])
    parameters = cast("dict[str, Any]", notes["parameters"])
    kind = format_for(answer.segmentation.size, parameters["outputFormat"])
    if notes["artworkType"] == REMOVE_BACKGROUND:
        pictures = iter([cut_out(answer)])
    else:
        pictures = (finished(bitmap, parameters) for bitmap in chosen(answer, parameters))
    return tuple(
        Encoded(f"{job.id}-{place}.{kind}", f"image/{kind}", ENCODERS[kind](picture))
        for place, picture in enumerate(pictures)
    )


def format_for(size: Size, asked: str) -> str:
    """png or webp. `auto` is webp wherever that has room."""
    fits = max(size.height, size.width) <= LONGEST_WEBP
    if asked == WEBP and not fits:
        raise InvalidOrder(
            f"The image has {size} pixels; WebP has room for {LONGEST_WEBP} a side", 'Ask for "outputFormat": "png"'
        )
    return PNG if asked == PNG or (asked == AUTO and not fits) else WEBP


def chosen(answer: Answer, parameters: dict[str, Any]) -> Iterator[BoolArray]:
    """The masks that are shown, (H, W) bool each; where nothing is found one that is empty."""
    by_name = parameters["method"] == TEXT
    found = named(answer, parameters) if by_name else meant(answer, parameters)
    if not found or (by_name and parameters["textCombineMasks"]):
        yield replace(answer.segmentation, masks=found).union()
    else:
        yield from (mask.bitmap() for mask in found)


def named(answer: Answer, parameters: dict[str, Any]) -> tuple[Mask, ...]:
    """What words found, best first; a score that only equals the threshold, which suffices elsewhere, is too low."""
    least = parameters["textConfidence"]
    return tuple(mask for mask in answer.segmentation.masks if mask.label and (mask.label.score or 0) > least)


def meant(answer: Answer, parameters: dict[str, Any]) -> tuple[Mask, ...]:
    """The best answer to points, or all three meanings of them, smallest first."""
    found = answer.segmentation.masks
    if not found or parameters["pointsBestMask"] or not parameters["pointsMultimask"]:
        return found[:1]
    candidates: tuple[Mask, ...] = (*found, *[found[0]] * CANDIDATES)[:CANDIDATES]
    return tuple(sorted(candidates, key=lambda mask: mask.area))


def finished(bitmap: BoolArray, parameters: dict[str, Any]) -> UInt8Array:
    """(H, W) bool → (H, W) uint8: grown or shrunk, then blurred."""
    bitmap = grown(bitmap, parameters["maskExpand"], diagonal=not parameters["maskTaperedCorners"])
    return blurred(bitmap, parameters["maskKernelSize"], parameters["maskBlurSigma"])


def webp(picture: npt.NDArray[np.uint8]) -> bytes:
    """The same as lossless WebP, which knows no grey: RGB or RGBA, with colours kept where nothing is seen of them."""
    buffer = io.BytesIO()
    image = PIL.Image.fromarray(picture)
    image = image.convert("RGB") if picture.ndim == 2 else image
    image.save(buffer, "WEBP", lossless=True, exact=True, quality=20, method=0)
    return buffer.getvalue()


ENCODERS = {PNG: encode_pixels, WEBP: webp}


def cut_out(answer: Answer) -> UInt8Array:
    """(H, W, 4) RGBA: the picture's own colours everywhere, and how much of each pixel is the subject."""
    assert answer.image is not None  # was asked for
    return np.dstack([answer.image.pixels, soft_alpha(answer.image.pixels, answer.segmentation.union())])
