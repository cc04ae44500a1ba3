"""How well the subject of a photograph is found: mean IoU with its one dominant thing, as a Markdown table.

    python benchmarks/subject.py [--eval DIR] [--model embedded] [--limit N] [--text 'largest object'] [--cut .4]

A photograph counts if its largest annotated thing takes at least a tenth of it and three times what the next one takes.
DIR is that of benchmarks/quality.py and no part of this repository.
"""

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from rubylith.domain.image import Image
from rubylith.domain.prompt import Prompt, Subject, Text
from rubylith.engine.engine import Engine

ROOT = Path(__file__).resolve().parents[1]
SETS = ("coco", "ccp", "pennfudan")
LEAST_SHARE, DOMINANCE = 0.1, 3.0

BoolArray = npt.NDArray[np.bool_]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval", help="folder of the sets")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--limit", type=int, help="photos looked at per set")
    parser.add_argument("--text", help="ask for this instead of for the subject")
    parser.add_argument(
        "--cut", type=float, default=0.0, help="share of the thing that the picture's lower edge cuts off"
    )
    options = parser.parse_args()
    prompt = Text((options.text,)) if options.text else Subject()
    if not (options.eval / "tools" / "segeval.py").is_file():
        parser.error(f"{options.eval} holds no tools/segeval.py; name the folder with --eval")
    sys.path.insert(0, str(options.eval / "tools"))
    evaluator: Any = importlib.import_module("segeval")
    engine = Engine(options.model)
    print("| set | photos | mIoU |\n|---|---|---|")
    means: list[float] = []
    for name in SETS:
        ious = [
            float(evaluator.iou(_found(engine, rgb, prompt), truth))
            for sample, whole in dominant(evaluator.load(name, str(options.eval), options.limit))
            for rgb, truth in [_cut(sample.image, whole, options.cut)]
        ]
        if ious:
            means.append(mean(ious))
            print(f"| {name} | {len(ious)} | {means[-1]:.3f} |", flush=True)
    print(f"| mean of the sets | | **{mean(means):.3f}** |")


def dominant(samples: Iterator[Any]) -> Iterator[tuple[Any, BoolArray]]:
    """Photographs that show one thing above all, with its mask: (H, W) bool. ccp's people count whole."""
    for sample in samples:
        labels = sample.annotation() if sample.whole is None else sample.whole
        ids, areas = np.unique(labels[labels > 0], return_counts=True)
        order = np.argsort(-areas)
        if not order.size or areas[order[0]] < LEAST_SHARE * labels.size:
            continue
        if order.size == 1 or areas[order[0]] >= DOMINANCE * areas[order[1]]:
            yield sample, labels == ids[order[0]]


def _cut(rgb: npt.NDArray[np.uint8], truth: BoolArray, share: float) -> tuple[npt.NDArray[np.uint8], BoolArray]:
    """The photograph and the mask of its thing, ending where so much of the thing's height is gone."""
    rows = np.flatnonzero(truth.any(axis=1))
    end = int(rows[-1]) + 1 - round(share * (int(rows[-1]) + 1 - int(rows[0])))
    return (rgb[:end], truth[:end]) if share else (rgb, truth)


def _found(engine: Engine, rgb: npt.NDArray[np.uint8], prompt: Prompt) -> BoolArray:
    found = engine.segment(Image(np.ascontiguousarray(rgb), "photograph"), prompt)
    return found.masks[0].rle.bitmap() if found.masks else np.zeros(rgb.shape[:2], np.bool_)


if __name__ == "__main__":
    main()
