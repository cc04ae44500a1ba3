"""How well the golden model, or another, segments drawings: clicks, boxes and everything, as a Markdown table.

    python -m benchmarks.golden_quality [--model tests/fixtures/golden] [--seed 5000] [--count 20] [--eval DIR]

Measured on drawings of a seed that no training uses, and on those in DIR: `images/<id>.png` beside `masks/<id>.png`,
label maps with 0 for the ground. Every shape is asked for that shows at least 0.2 % of its drawing: by one click in its
most interior point, by its tight box, and for average recall among the hundred best masks of everything.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from benchmarks.golden.drawings import Drawing, draw_many

from rubylith.domain.geometry import Box, Point
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects
from rubylith.engine.engine import Engine
from rubylith.engine.runtimes import Device

ROOT = Path(__file__).resolve().parents[1]
SMALLEST = 0.002  # of the drawing
BEST = 100  # masks of everything that are looked at
STEPS = np.linspace(0.5, 0.95, 10)  # of IoU, for average recall

BoolArray = npt.NDArray[np.bool_]


@dataclass
class Found:
    """IoU per shape: of one click, of the box, of the best among everything. masks: of everything, per drawing."""

    click: list[float] = field(default_factory=list)
    box: list[float] = field(default_factory=list)
    everything: list[float] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """AR@100."""
        return float(np.mean([[one >= step for step in STEPS] for one in self.everything]))

    def row(self, name: str) -> str:
        """One line of the table."""
        means = f"{np.mean(self.click):.3f} | {np.mean(self.box):.3f} | {self.recall:.3f}"
        return f"| {name} | {len(self.click)} | {means} | {np.mean(self.masks):.0f} |"


def measure(engine: Engine, drawings: Iterable[Drawing], everything: Everything) -> Found:
    """Ask for every shape of every drawing."""
    found = Found()
    for drawing in drawings:
        picture = Image(np.ascontiguousarray(drawing.pixels), sha256(drawing.pixels.tobytes()).hexdigest())
        embedding = engine.embed(picture)
        masks = engine.segment(picture, everything, embedding=embedding).masks
        best = [mask.rle.bitmap() for mask in masks[:BEST]]
        found.masks.append(len(masks))
        for shape in shapes_of(drawing):
            prompts = (ObjectPrompt((interior(shape),)), ObjectPrompt(box=tight(shape)))
            answers = [engine.segment(picture, Objects((one,)), embedding=embedding).masks[0] for one in prompts]
            found.click.append(iou(answers[0].rle.bitmap(), shape))
            found.box.append(iou(answers[1].rle.bitmap(), shape))
            found.everything.append(max((iou(mask, shape) for mask in best), default=0.0))
    return found


def shapes_of(drawing: Drawing) -> Iterator[BoolArray]:
    """The visible part of each shape that is large enough."""
    for label in range(1, int(drawing.labels.max()) + 1):
        shape = drawing.labels == label
        if shape.mean() >= SMALLEST:
            yield shape


def interior(shape: BoolArray) -> Point:
    """The middle of the pixel that is farthest from the edge; the picture's border is one."""
    depth = cv2.distanceTransform(np.pad(shape, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return Point(float(x) + 0.5, float(y) + 0.5)


def tight(shape: BoolArray) -> Box:
    """The box of its pixels."""
    rows, columns = np.flatnonzero(shape.any(1)), np.flatnonzero(shape.any(0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def iou(one: BoolArray, other: BoolArray) -> float:
    """Of two masks of which one at least is not empty."""
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


def read_drawings(folder: Path) -> Iterator[Drawing]:
    """Pictures with their label maps, by name."""
    for path in sorted((folder / "images").iterdir()):
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        labels = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        if pixels is None or labels is None:
            raise SystemExit(f"{path} or its label map in {folder / 'masks'} cannot be read")
        yield Drawing(np.asarray(pixels, np.uint8), np.asarray(labels, np.int32))


def main() -> None:
    """Measure what is asked and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(ROOT / "tests" / "fixtures" / "golden"))
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--eval", type=Path, help="a folder of drawings")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--pred-iou", type=float, default=Everything().pred_iou_thresh)
    parser.add_argument("--stability", type=float, default=Everything().stability_score_thresh)
    options = parser.parse_args()
    engine = Engine(options.model, device=Device(threads=options.threads, precision=options.precision))
    everything = Everything(pred_iou_thresh=options.pred_iou, stability_score_thresh=options.stability)
    print("| drawings | shapes | one click, mIoU | box, mIoU | everything, AR@100 | masks per drawing |")
    print("|---|---|---|---|---|---|")
    fresh = draw_many(options.seed, options.count)
    print(measure(engine, fresh, everything).row(f"seed {options.seed}, {options.count} of 640 x 480"), flush=True)
    if options.eval:
        print(measure(engine, read_drawings(options.eval), everything).row(options.eval.name))


if __name__ == "__main__":
    main()
