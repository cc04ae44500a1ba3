"""Grounding DINO, MM-Grounding-DINO and LLMDet: any words, told in one caption, each box with the words that it is.

Sources: IDEA-Research/GroundingDINO (Apache-2.0), whose demo has the thresholds; transformers' GroundingDinoProcessor,
which serves all three. All names go into one caption, "car. red cup.", as many as the text side takes at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith.domain.detection import Detection
from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.engine.detectors import Detector, DetectorWeights
from rubylith.engine.detectors._reading import FloatArray, corners, each_once, likely, open_boxes, seen_size
from rubylith.engine.detectors._tokens import Tokens, open_tokens
from rubylith.engine.frames import MEAN, STD, within
from rubylith.engine.runtimes import Device, Network

VOCABULARY = None
TILE = None
THRESHOLD, TEXT_THRESHOLD = 0.35, 0.25  # of a box; and of a word in it, so that the box is called by that word
SAME_THING = 0.8  # IoU of two boxes of one name
SHORTEST, LONGEST = 800, 1333  # pixels of a picture's sides where the weights do not say
MOST_TOKENS = 256  # of a caption
BEGIN, END, STOP = "[CLS]", "[SEP]", "."
NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Caption:
    """Names in one line of text. tokens: (T,) int64. owners: (T,) which name each is of, NOBODY for those between."""

    names: tuple[str, ...]
    tokens: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]


class GroundingDino:
    """A Detector on an open network. size: what the weights say of the pictures that it sees."""

    def __init__(self, network: Network, tokens: Tokens, size: dict[str, int]) -> None:
        self._network = network
        self._tokens = tokens
        self._size = size

    def find(self, image: Image, names: Sequence[str], threshold: float | None) -> tuple[Detection, ...]:
        """The things of these names, best first."""
        least = THRESHOLD if threshold is None else threshold
        pixels = show(image, self._size)
        found: list[Detection] = []
        for caption in captions(names, self._tokens):
            results = self._network.run(
                {
                    "pixel_values": pixels,
                    "pixel_mask": np.ones((1, *pixels.shape[2:]), np.int64),
                    "input_ids": caption.tokens[None],
                    "token_type_ids": np.zeros((1, len(caption.tokens)), np.int64),
                    "attention_mask": np.ones((1, len(caption.tokens)), np.int64),
                }
            )
            found += read_boxes(results["logits"][0], results["pred_boxes"][0], caption, image.size, least)
        return each_once(found, SAME_THING)


def load(weights: DetectorWeights, device: Device) -> Detector:
    """The detector, ready; ModelFailed if its files are not what they should be, Unavailable if an extra is missing."""
    tokens = open_tokens(weights.folder)
    return GroundingDino(open_boxes(weights, device), tokens, seen_size(weights.folder))


def show(image: Image, size: dict[str, int]) -> FloatArray:
    """(1, 3, h, w) float32, normalised: with the proportions of the picture, unless `size` names both sides."""
    if "height" in size:
        seen = Size(size["height"], size["width"])
    else:
        seen = within(image.size, size.get("shortest_edge", SHORTEST), size.get("longest_edge", LONGEST))
    resized = PIL.Image.fromarray(image.pixels)
    if seen != image.size:
        resized = resized.resize((seen.width, seen.height), PIL.Image.Resampling.BILINEAR)
    values = (np.asarray(resized, np.float32) * np.float32(1 / 255) - MEAN) / STD
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def captions(names: Sequence[str], tokens: Tokens) -> Iterator[Caption]:
    """All names in as few captions as there is room in."""
    begin, end, stop = (tokens.number(token) for token in (BEGIN, END, STOP))
    told: list[tuple[str, list[int]]] = []
    for name in dict.fromkeys(names):
        said = tokens.of(name.lower().replace(".", " ").replace("?", " "))[: MOST_TOKENS - 3]  # both end a phrase
        if said and 2 + sum(len(one) + 1 for _, one in told) + len(said) + 1 > MOST_TOKENS:
            yield _caption(told, begin, end, stop)
            told = []
        if said:
            told.append((name, said))
    if told:
        yield _caption(told, begin, end, stop)


def _caption(told: Sequence[tuple[str, list[int]]], begin: int, end: int, stop: int) -> Caption:
    tokens, owners = [begin], [NOBODY]
    for owner, (_, said) in enumerate(told):
        tokens += [*said, stop]
        owners += [*[owner] * len(said), NOBODY]
    names = tuple(name for name, _ in told)
    return Caption(names, np.array([*tokens, end], np.int64), np.array([*owners, NOBODY], np.int64))


def read_boxes(
    logits: FloatArray, centres: FloatArray, caption: Caption, size: Size, threshold: float
) -> Iterator[Detection]:
    """logits: (Q, >= T), one for each token. centres: (Q, 4) shares of the picture.

    A box counts if its most certain token is above the threshold; it is called by the name that has the most certain of
    the names' tokens, if that is above TEXT_THRESHOLD, or above the threshold where that is lower.
    """
    chances = likely(logits[:, : len(caption.tokens)])
    scores = chances.max(axis=1)
    of_names = np.where(caption.owners == NOBODY, 0, chances)
    best = of_names.argmax(axis=1)
    is_named = of_names[np.arange(len(best)), best] > min(TEXT_THRESHOLD, threshold)
    kept = np.flatnonzero((scores > threshold) & is_named)
    for query, box in zip(kept, corners(centres[kept], size), strict=True):
        yield Detection(caption.names[caption.owners[best[query]]], float(scores[query]), box.clipped(size))
