"""The family that needs no download: see `rubylith.engine.embedded` for how it works."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Everything, ObjectPrompt
from rubylith.domain.rle import RLE
from rubylith.engine import Embedding, Progress, Segmenter
from rubylith.engine.embedded import boxes, clicks, proposals
from rubylith.engine.embedded.picture import Picture, read_picture
from rubylith.engine.embedded.upscale import enlarge_bitmap
from rubylith.engine.refine import box_array, box_nms

MODEL = "embedded"


def load() -> Segmenter:
    """The embedded model; there is nothing to fetch."""
    return Embedded()


class Embedded:
    """A Segmenter without weights."""

    def embed(self, image: Image) -> Embedding:
        """Find superpixels and their hierarchy."""
        return Embedding(MODEL, image.size, image.digest, read_picture(image.pixels))

    def decode(self, embedding: Embedding, prompts: Sequence[ObjectPrompt]) -> tuple[tuple[Mask, ...], ...]:
        """One to three candidates for each prompt, best first."""
        picture = cast("Picture", embedding.features)
        return tuple(_decode(picture, prompt) for prompt in prompts)

    def propose(self, embedding: Embedding, everything: Everything, progress: Progress) -> tuple[Mask, ...]:
        """Regions under the seeds, best first."""
        picture = cast("Picture", embedding.features)
        regions = proposals.propose(picture, everything)
        progress(0.5)
        tree, runs = picture.hierarchy, picture.runs
        masks: list[Mask] = []
        for region in regions:
            chosen = np.zeros(len(tree.order), np.bool_)
            chosen[tree.leaves_of(region.node)] = True
            rle = runs.rle(chosen)
            masks.append(Mask(rle, rle.box, region.predicted_iou, region.stability_score, (region.seed,)))
        kept = box_nms(
            box_array([mask.box for mask in masks]),
            np.array([mask.predicted_iou for mask in masks]),
            everything.box_nms_thresh,
        )
        progress(1.0)
        return tuple(masks[index] for index in kept)


def _decode(picture: Picture, prompt: ObjectPrompt) -> tuple[Mask, ...]:
    if prompt.box is not None:
        rle = RLE.from_bitmap(enlarge_bitmap(boxes.cut_box(picture, prompt.box), picture.size))
        return (Mask(rle, rle.box, 0.75, None, prompt.points),)
    positive = [point for point in prompt.points if point.positive]
    if not positive:
        rle = prompt.previous or RLE.from_bitmap(np.zeros((picture.size.height, picture.size.width), np.bool_))
        return (Mask(rle, rle.box, 0.5, None, prompt.points),)
    nodes, scores = clicks.candidates(picture, positive[-1])
    masks: list[Mask] = []
    for index in np.argsort(-scores, kind="stable")[:3].tolist():
        chosen: npt.NDArray[np.bool_] = np.zeros(len(picture.leaves.areas), np.bool_)
        chosen[picture.hierarchy.leaves_of(int(nodes[index]))] = True
        rle = picture.runs.rle(chosen)
        masks.append(Mask(rle, rle.box, float(np.clip(0.5 + 0.1 * scores[index], 0, 1)), None, prompt.points))
    return tuple(masks)
