"""Measure the network on photographs with human masks. The only file here that reads evaluation data.

    python -m training.nano.evaluate RUN/weights.pt EVAL --limit 8 --tasks click box
    python -m training.nano.evaluate nano.onnx EVAL --sets pennfudan coco --limit 8 --tasks noc

EVAL holds one folder a set and tools/segeval.py, the evaluator. The task `choice` adds `oracle`, the mean IoU of the
best of the fifteen candidates of a click, and `by_iou`, of the one with the best predicted IoU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from training.nano.predict import Predictor

SETS = ("bsds500", "coco", "ccp", "ccp_person", "pennfudan", "dsb2018", "camvid", "fasseg")


def load_evaluator(root: Path) -> ModuleType:
    """The evaluator that lies with the data."""
    description = importlib.util.spec_from_file_location("segeval", root / "tools" / "segeval.py")
    if description is None or description.loader is None:
        raise FileNotFoundError(f"no evaluator in {root}/tools")
    module = importlib.util.module_from_spec(description)
    sys.modules["segeval"] = module
    description.loader.exec_module(module)
    return module


def choice(evaluator: ModuleType, predictor: Predictor, name: str, root: Path, limit: int | None) -> dict[str, float]:
    """Mean IoU of the best candidate of a first click and of the one with the best predicted IoU."""
    best, chosen = [], []
    for sample in evaluator.load(name.split("_person", maxsplit=1)[0], str(root), limit):
        predictor.set_image(sample.image)
        for mask in evaluator.targets(sample, name):
            x, y = evaluator.first_click(mask)
            table, candidates = predictor.candidates([(x + 0.5, y + 0.5, 1)])
            ious = [evaluator.iou(predictor.pasted(*candidate) > 0, mask) for candidate in candidates]
            best.append(max(ious))
            chosen.append(ious[int(table[:, 0].argmax())])
    return {"oracle": float(np.mean(best)), "by_iou": float(np.mean(chosen))}


def main() -> None:
    """Print one line of JSON a set, and the means over the sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--tasks", nargs="+", default=["click", "box"], choices=["click", "box", "noc", "choice"])
    parser.add_argument("--limit", type=int, help="photos a set, evenly spread")
    parser.add_argument("--size", type=int, default=128, help="crop side")
    options = parser.parse_args()
    evaluator, predictor = load_evaluator(options.root), Predictor(options.network, size=options.size)
    results = []
    for name in options.sets:
        tasks = [task for task in options.tasks if task != "choice"]
        result = (
            evaluator.evaluate(predictor, name, tasks, str(options.root), options.limit) if tasks else {"set": name}
        )
        if "choice" in options.tasks:
            result |= choice(evaluator, predictor, name, options.root, options.limit)
        results.append(result)
        print(
            json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}),
            flush=True,
        )
    for key in ("click_miou", "box_miou", "oracle", "by_iou", "noc85", "miou@5"):
        values = [result[key] for result in results if key in result]
        if values:
            print(
                f"{key}: mean of {len(values)} sets {np.mean(values):.4f}, of the first five {np.mean(values[:5]):.4f}"
            )


if __name__ == "__main__":
    main()
