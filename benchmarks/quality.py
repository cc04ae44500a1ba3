"""Quality of the embedded model on photographs with human ground truth, as a Markdown table.

    python benchmarks/quality.py [--eval DIR] [--limit 40] [--sets bsds500 coco] [--tasks click box noc everything]

DIR holds the sets and `tools/segeval.py`, whose protocols it follows; it is no part of this repository.
"""

import argparse
import importlib
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
SETS = ("bsds500", "coco", "ccp", "ccp_person", "pennfudan", "dsb2018", "camvid", "fasseg")
BOX_SETS = SETS[:5]
TASKS = ("everything", "box", "click", "noc")
EVERYTHING_LIMIT = 40  # photos of bsds500, as the bar has it

Job = tuple[str, str, Path, int | None]  # set, task, folder, photos at most


def main() -> None:
    """Run what is asked and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval", help="folder of the sets")
    parser.add_argument("--limit", type=int, help="photos per set (all, but 40 for everything)")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    if not (options.eval / "tools" / "segeval.py").is_file():
        parser.error(f"{options.eval} holds no tools/segeval.py; name the folder with --eval")
    jobs = [(name, task, options.eval, options.limit) for task in TASKS for name in wanted(task)]
    jobs = [job for job in jobs if job[0] in options.sets and job[1] in options.tasks]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    started = time.perf_counter()
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(run, jobs))
    print(table(jobs, results))
    print(f"\n{time.perf_counter() - started:.0f} s")


def wanted(task: str) -> tuple[str, ...]:
    """The sets that a task's bar is about."""
    return {"everything": ("bsds500",), "noc": ("pennfudan",), "box": BOX_SETS, "click": SETS}[task]


def run(job: Job) -> dict[str, float]:
    """The evaluator's numbers for one set and task."""
    name, task, folder, limit = job
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    evaluator = _evaluator(folder)
    engine = importlib.import_module("benchmarks.engine").Embedded()
    tasks = ("everything", "covering") if task == "everything" else (task,)
    return evaluator.evaluate(engine, name, tasks, str(folder), limit or (EVERYTHING_LIMIT if len(tasks) > 1 else None))


def _evaluator(folder: Path) -> ModuleType:
    sys.path.insert(0, str(folder / "tools"))
    import cv2  # noqa: PLC0415  # each process has one core

    cv2.setNumThreads(1)
    return importlib.import_module("segeval")


def table(jobs: list[Job], results: list[dict[str, float]]) -> str:
    """Markdown: one row per task, one column per set, then the measures of everything and of clicks."""
    lines = ["| mIoU | " + " | ".join(SETS) + " | mean |", "|---" * (len(SETS) + 2) + "|"]
    for task in ("click", "box"):
        found = {job[0]: result[f"{task}_miou"] for job, result in zip(jobs, results, strict=True) if job[1] == task}
        if found:
            cells = [f"{found[name]:.3f}" if name in found else "-" for name in SETS]
            mean = sum(found.values()) / len(found)
            lines.append(f"| {task} | " + " | ".join(cells) + f" | **{mean:.3f}** |")
    lines += ["", "| measure | value |", "|---|---|"]
    for job, result in zip(jobs, results, strict=True):
        keys = {
            "everything": ("cover_ods", "cover_ois", "cover_best", "ar@10", "ar@100", "ar@1000"),
            "noc": ("noc85", "noc90", "miou@3", "miou@5"),
        }.get(job[1], ())
        lines += [f"| {job[0]}, {result['images']} photos: {key} | {result[key]:.3f} |" for key in keys]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
