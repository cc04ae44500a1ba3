"""Seconds of SAM 2.1 hiera-tiny's encoder on each runtime and in each precision, beside PyTorch's, as a Markdown table.

    python benchmarks/encoders.py [--threads 1] [--repeats 5]

Real size, random weights, 1024 x 1024. Runs take turns; medians. Needs the extras `torch` and `openvino`. How far the
embedding of a random picture is from PyTorch's stands beside, relative to its length; what that does to masks is for
`golden_quality.py` to say, since random weights make none.
"""

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SIDE = 1024
COUNTED = {
    "ONNX Runtime, fp32": ("cpu", "fp32"),
    "ONNX Runtime, int8": ("cpu", "int8"),
    "OpenVINO, fp32": ("openvino", "fp32"),
    "OpenVINO, bf16": ("openvino", "bf16"),
    "OpenVINO, int8": ("openvino", "int8"),
}


def main() -> None:
    """Write the graphs once, open each runtime, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "rubylith-encoders")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    encoders = open_encoders(options.work, options.threads)
    pixels = np.random.default_rng(0).standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)
    said = {name: run(pixels) for name, run in encoders.items()}  # the first runs, which are not counted
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in encoders}
    for _ in range(options.repeats):
        for name, run in encoders.items():
            began, ticks = time.perf_counter(), time.process_time()
            run(pixels)
            spent[name].append((time.process_time() - ticks, time.perf_counter() - began))
    processor, clock = (
        {name: statistics.median(one[i] for one in runs) for name, runs in spent.items()} for i in (0, 1)
    )
    print(f"| {options.threads} threads | processor seconds | of PyTorch's | by the clock | of PyTorch's | embedding |")
    print("|---|---|---|---|---|---|")
    for name in encoders:
        ratios = [f"{one[name]:.2f} | {one['PyTorch, fp32'] / one[name]:.2f} x" for one in (processor, clock)]
        apart = np.linalg.norm(said[name] - said["PyTorch, fp32"]) / np.linalg.norm(said["PyTorch, fp32"])
        print(f"| {name} | {' | '.join(ratios)} | {apart:.1e} |")


def open_encoders(work: Path, threads: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """By name: pixels (1, 3, SIDE, SIDE) → the coarsest embedding (1, C, h, w)."""
    import torch  # noqa: PLC0415
    from benchmarks.peers import write_transformers  # noqa: PLC0415

    from rubylith.engine.export.sources import from_transformers  # noqa: PLC0415
    from rubylith.engine.export.write import export  # noqa: PLC0415
    from rubylith.engine.precisions import CALIBRATED  # noqa: PLC0415
    from rubylith.engine.runtimes import Device, onnx, openvino  # noqa: PLC0415

    torch.set_num_threads(threads)
    source = from_transformers(write_transformers(work / "hf", "sam2"))
    if not (work / "graphs" / "model.json").is_file():
        noise = np.random.default_rng(1).standard_normal((2, 1, 3, SIDE, SIDE)).astype(np.float32)
        export(source, work / "graphs", precision="int8", pictures=list(noise))

    @torch.inference_mode()
    def eager(pixels: np.ndarray) -> np.ndarray:
        return source.encoder(torch.from_numpy(pixels))[-1].numpy()

    encoders = {"PyTorch, fp32": eager}
    for name, (provider, precision) in COUNTED.items():
        runtime = openvino if provider == "openvino" else onnx
        suffix = "" if precision != "int8" else CALIBRATED if provider == "openvino" else "_int8"
        file = work / "graphs" / f"encoder{suffix}.onnx"
        network = runtime.open_network(file, Device(provider, threads, precision))
        encoders[name] = lambda pixels, network=network: network.run({"pixel_values": pixels})["image_embeddings"]
    return encoders


if __name__ == "__main__":
    main()
