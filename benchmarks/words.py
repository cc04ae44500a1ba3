"""How well words find things: recall and precision of masks of named classes, and of faces, as Markdown tables.

    python benchmarks/words.py [--eval DIR] [--model embedded] [--detector fastestdet] [--limit N]

Things: of every photograph of `coco` each annotated class is asked for by name. A found mask is right if its IoU with
a thing of that name that no better one has taken is at least a half; what lies on a crowd counts neither way.
`as boxes` judges the detector's boxes in the same way. Faces: `every face` is asked of every photograph of `fasseg`,
whose face is its piece of skin with the eyes, the nose and the mouth in it.

DIR is that of benchmarks/quality.py and no part of this repository. The detectors are those in its folder `detectors`.
"""

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_masks

from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.prompt import Text
from rubylith.domain.rle import RLE, rle_iou
from rubylith.engine.engine import Engine
from rubylith.engine.runtimes import Device
from rubylith.engine.shelf import Shelf
from rubylith.engine.weights import Store

ROOT = Path(__file__).resolve().parents[1]
DETECTORS = ("fastestdet", "ultraface")
RIGHT = 0.5  # IoU
ON_CROWD = 0.5  # share of a found mask


@dataclass(slots=True)
class Tally:
    """What was there, what was found, and how much of it was right."""

    there: int = 0
    found: int = 0
    right: int = 0

    def add(self, there: int, found: int, right: int) -> None:
        """Count one question."""
        self.there += there
        self.found += found
        self.right += right

    def row(self, name: str) -> str:
        """A line of the table."""
        recall, precision = self.right / max(self.there, 1), self.right / max(self.found, 1)
        return f"| {name} | {self.there} | {self.found} | {recall:.3f} | {precision:.3f} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval", help="folder of the sets")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--detector", default="fastestdet")
    parser.add_argument("--limit", type=int, help="photos looked at per set")
    options = parser.parse_args()
    if not (options.eval / "tools" / "segeval.py").is_file():
        parser.error(f"{options.eval} holds no tools/segeval.py; name the folder with --eval")
    sys.path.insert(0, str(options.eval / "tools"))
    evaluator: Any = importlib.import_module("segeval")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), mirror=str(options.eval / "detectors"))
        for name in DETECTORS:
            store.pull(name)
        engine = Engine(options.model, models_folder=store.folder)
        things(engine, Shelf(store.folder, Device()), options)
        faces(engine, evaluator.load("fasseg", str(options.eval), options.limit))


def things(engine: Engine, shelf: Shelf, options: argparse.Namespace) -> None:
    """Ask for every class that is annotated."""
    coco: Path = options.eval / "coco"
    document = json.loads((coco / "instances.json").read_text("utf-8"))
    names = {one["id"]: one["name"] for one in document["categories"]}
    as_masks, as_boxes, sizes = Tally(), Tally(), {name: Tally() for name in ("small", "medium", "large")}
    for picture in document["images"][: options.limit]:
        image = read(coco / "images" / picture["file_name"])
        embedding = engine.embed(image)
        annotated = [one for one in document["annotations"] if one["image_id"] == picture["id"]]
        for number in sorted({one["category_id"] for one in annotated if not one["iscrowd"]}):
            same = [(one["iscrowd"], rle_of(one, image.size)) for one in annotated if one["category_id"] == number]
            truth = [rle for is_crowd, rle in same if not is_crowd]
            crowds = [rle for is_crowd, rle in same if is_crowd]
            prompt = Text((names[number],), detector=options.detector)
            answer = engine.segment(image, prompt, embedding=embedding).masks
            masks = outside([mask.rle for mask in answer], crowds)
            taken = match(masks, truth)
            as_masks.add(len(truth), len(masks), len(taken))
            name, word = shelf.choose(names[number], options.detector)
            found = shelf.find(name, image, [word], None)
            boxes = outside([filled(one.box, image.size) for one in found], crowds)
            as_boxes.add(len(truth), len(boxes), len(match(boxes, [filled(rle.box, image.size) for rle in truth])))
            for index, rle in enumerate(truth):
                sizes[size_of(rle.area)].add(1, 0, int(index in taken))
    print("| coco, each class by its name | things | found | recall | precision |\n|---|---|---|---|---|")
    print(as_masks.row("masks"))
    print(as_boxes.row("the detector's boxes"))
    for name, tally in sizes.items():
        print(f"| masks, {name} things | {tally.there} | | {tally.right / max(tally.there, 1):.3f} | |")


def faces(engine: Engine, samples: Iterable[Any]) -> None:
    """Ask for every face."""
    tally = Tally()
    for sample in samples:
        image = Image(np.ascontiguousarray(sample.image), "photograph")
        masks = [mask.rle for mask in engine.segment(image, Text(("every face",), detector="ultraface")).masks]
        tally.add(1, len(masks), len(match(masks, [face_in(sample.annotation())])))
    print("\n| fasseg | faces | found | recall | precision |\n|---|---|---|---|---|")
    print(tally.row("masks"))


def face_in(labels: npt.NDArray[np.uint8]) -> RLE:
    """The piece that takes most of the picture's middle, which is skin, with its holes filled.

    labels: (H, W), a number per piece; they are frontal faces that fill their pictures.
    """
    height, width = labels.shape
    ids, areas = np.unique(labels[height // 4 : -height // 4, width // 4 : -width // 4], return_counts=True)
    skin = (labels == ids[np.argmax(areas)]).astype(np.uint8)
    outlines, _ = cv2.findContours(skin, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled_in = cv2.drawContours(np.zeros(labels.shape, np.uint8), outlines, -1, 1, cv2.FILLED)
    return RLE.from_bitmap(filled_in.astype(np.bool_))


def match(found: Sequence[RLE], truth: Sequence[RLE]) -> set[int]:
    """Indices of the things that are found; found masks come best first and take one thing each."""
    taken: set[int] = set()
    for rle in found:
        ious = [float(iou) for iou in rle_iou([rle], truth)[0]] if truth else []
        free = [index for index in range(len(truth)) if index not in taken and ious[index] >= RIGHT]
        if free:
            taken.add(max(free, key=ious.__getitem__))
    return taken


def outside(found: Sequence[RLE], crowds: Sequence[RLE]) -> list[RLE]:
    """Those that do not lie on a crowd, which nobody counted."""
    bitmaps = [crowd.bitmap() for crowd in crowds]
    return [rle for rle in found if not any(crowd[rle.bitmap()].mean() > ON_CROWD for crowd in bitmaps)]


def filled(box: Box, size: Size) -> RLE:
    """A box as a mask."""
    bitmap = np.zeros((size.height, size.width), np.bool_)
    bitmap[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)] = True
    return RLE.from_bitmap(bitmap)


def size_of(area: int) -> str:
    """COCO's name for it. area: in pixels."""
    return "small" if area < 32**2 else "medium" if area < 96**2 else "large"


def rle_of(annotation: dict[str, Any], size: Size) -> RLE:
    """An annotation's polygons or run lengths as one mask."""
    coded: Any = coco_masks.frPyObjects(annotation["segmentation"], size.height, size.width)
    return RLE(size, coco_masks.merge(coded)["counts"] if isinstance(coded, list) else coded["counts"])


def read(path: Path) -> Image:
    """A photograph."""
    pixels = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return Image(np.asarray(pixels, np.uint8), path.name)


if __name__ == "__main__":
    main()
