"""Masks → the picture files of a result."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from rubylith.dialects.fal.wire import EditsIn
from rubylith.domain.image import Image, UInt8Array
from rubylith.domain.mask import Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded, png
from rubylith.service.morphology import blurred, filled, grown

ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
LOSSLESS = 101  # above 100 OpenCV writes WebP without loss
AS_OPENCV = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
OPTIONS = {
    "jpeg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    "webp": (cv2.IMWRITE_WEBP_QUALITY, LOSSLESS),
}


def mask_files(segmentation: Segmentation, output_format: str, request_id: str) -> tuple[Encoded, ...]:
    """All masks in one picture, then each by itself, biggest first: 8-bit grey, 255 on 0, in the picture's size."""
    masks = tuple(sorted(segmentation.masks, key=lambda mask: -mask.area))
    return _greys(segmentation, (union_of(segmentation), *masks), output_format, request_id)


def mask_file(segmentation: Segmentation, output_format: str, request_id: str) -> Encoded:
    """All masks in one picture."""
    return _greys(segmentation, (union_of(segmentation),), output_format, request_id)[0]


def cutout_file(segmentation: Segmentation, image: Image, output_format: str, request_id: str) -> Encoded:
    """The picture where the masks are; elsewhere black, and transparent where the format can be."""
    return _file(_cut_out(_grey(union_of(segmentation)), image, output_format), output_format, request_id, 0)


def single_files(
    segmentation: Segmentation, image: Image | None, output_format: str, request_id: str
) -> tuple[Encoded, ...]:
    """Each mask by itself, in the order they come; with a picture, that picture where the mask is."""
    if image is None:
        return _greys(segmentation, segmentation.masks, output_format, request_id)
    return tuple(
        _file(_cut_out(_grey(mask), image, output_format), output_format, request_id, number)
        for number, mask in enumerate(segmentation.masks)
    )


def edited_file(
    segmentation: Segmentation, image: Image | None, edits: EditsIn, unwanted: Sequence[str], request_id: str
) -> Encoded:
    """All masks in one PNG without those of the unwanted phrases: filled, grown, inverted, blurred, in this order.

    image: if there is one, it is what is seen through the mask.
    """
    without = [mask for mask in segmentation.masks if mask.label is not None and mask.label.name in unwanted]
    wanted = [mask for mask in segmentation.masks if mask not in without]
    shown, hidden = (replace(segmentation, masks=tuple(masks)).union() for masks in (wanted, without))
    shown &= ~hidden
    if edits.fill_holes:
        shown = filled(shown)
    shown = grown(shown, edits.expand_mask, diagonal=True)
    radius = edits.blur_mask // 2
    sigma = 0.3 * (radius - 1) + 0.8  # OpenCV's own for a kernel of this size
    grey = blurred(~shown if edits.revert_mask else shown, radius, sigma)
    return _file(grey if image is None else _cut_out(grey, image, "png"), "png", request_id, 0)


def union_of(segmentation: Segmentation) -> Mask:
    """Every pixel that any mask covers."""
    rle = RLE.from_bitmap(segmentation.union())
    return Mask(rle, rle.box, predicted_iou=1.0)


def _grey(mask: Mask) -> UInt8Array:
    return mask.bitmap().view(np.uint8) * np.uint8(255)


def _cut_out(grey: UInt8Array, image: Image, output_format: str) -> UInt8Array:
    """grey: (H, W) of hard masks where the format is JPEG; else it may be soft, which makes the alpha channel so."""
    pixels = np.asarray(image.pixels * (grey > 0)[..., None], np.uint8)
    return pixels if output_format == "jpeg" else np.dstack([pixels, grey])


def _greys(
    segmentation: Segmentation, masks: tuple[Mask, ...], output_format: str, request_id: str
) -> tuple[Encoded, ...]:
    if output_format == "png":
        written = png.encode(replace(segmentation, masks=masks), None)
        return tuple(replace(file, name=_name(request_id, n, output_format)) for n, file in enumerate(written))
    return tuple(_file(_grey(mask), output_format, request_id, number) for number, mask in enumerate(masks))


def _file(pixels: UInt8Array, output_format: str, request_id: str, number: int) -> Encoded:
    """pixels: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA."""
    name, media_type = _name(request_id, number, output_format), f"image/{output_format}"
    if output_format == "png":
        return Encoded(name, media_type, png.encode_pixels(pixels))
    ordered = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, AS_OPENCV[pixels.shape[2]])
    return Encoded(name, media_type, cv2.imencode(ENDINGS[output_format], ordered, OPTIONS[output_format])[1].tobytes())


def _name(request_id: str, number: int, output_format: str) -> str:
    """Looks random and follows from the request, so that doing it twice gives the same file."""
    digest = hashlib.sha256(f"{request_id} {number}".encode()).hexdigest()
    return digest[:32] + ENDINGS[output_format]
