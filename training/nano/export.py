"""Write a network as ONNX, the two of them at most 3 MB, and check it against PyTorch.

    python -m training.nano.export RUN/weights.pt nano.onnx
    python -m training.nano.export --network contours RUN/weights.pt contours.onnx

Batch norms are folded into the convolutions; weights are stored as float16 and widened when the file is loaded, so that
arithmetic stays float32. Inputs and outputs are those of `Nano.forward`, the first axis free, or of `Contours.forward`,
all but the last axis free.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from training.nano.contours import SIDES, Contours
from training.nano.crops import THUMB
from training.nano.model import Nano, folded

LARGEST_FILE, LARGEST_CONTOURS = 2_705_000, 295_000  # bytes; 3 MB together
INPUTS = ("image", "hints", "context", "numbers")
OUTPUTS = ("masks", "predicted_iou")
BORDERS = ("borders",)
Some = TypeVar("Some", Nano, Contours)


def load_network(path: Path, kind: type[Some] = Nano) -> Some:
    """The averaged network of a weights file or a checkpoint, in inference mode."""
    state = torch.load(path)
    network = kind(tuple(state["widths"] if "widths" in state else state["config"]["widths"]))
    network.load_state_dict(state["average"] if "average" in state else state["network"])
    return network.eval()


def example(size: int, count: int = 2) -> tuple[torch.Tensor, ...]:
    """Random inputs of the right kinds."""
    chance = torch.Generator().manual_seed(0)
    shapes = (count, size, size, 3), (count, 4, size, size), (count, THUMB, THUMB, 5)
    planes = [torch.randint(0, 256, shape, generator=chance, dtype=torch.uint8) for shape in shapes]
    numbers = torch.stack([torch.arange(count) % 2, -torch.rand(count, generator=chance)], 1)
    return *planes, numbers.float()


def to_graph(network: Nano, size: int) -> onnx.ModelProto:
    """The folded network as a float32 ONNX graph."""
    free = torch.export.Dim("n", min=1, max=256)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nano.onnx"
        torch.onnx.export(
            folded(network), example(size), path, input_names=list(INPUTS), output_names=list(OUTPUTS),
            dynamic_shapes=({0: free},) * 4, external_data=False, dynamo=True, verbose=False,
        )  # fmt: skip
        return onnx.load(path)


def to_contours_graph(network: Contours) -> onnx.ModelProto:
    """The folded network of contours as a float32 ONNX graph, for pictures of any number and size."""
    count, rows, columns = (torch.export.Dim(name, min=1, max=512) for name in ("n", "rows", "columns"))
    image = torch.zeros(2, 4 * SIDES, 6 * SIDES, 3, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contours.onnx"
        torch.onnx.export(
            folded(network), (image,), path, input_names=["image"], output_names=list(BORDERS),
            dynamic_shapes=({0: count, 1: SIDES * rows, 2: SIDES * columns},), external_data=False, dynamo=True,
            verbose=False,
        )  # fmt: skip
        return onnx.load(path)


def halve(graph: onnx.ModelProto) -> None:
    """Store large weights as float16 with a cast to float32 behind them, in place; drop the exporter's notes."""
    stored, casts = [], []
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 256:
            stored.append(numpy_helper.from_array(values.astype(np.float16), tensor.name + "_half"))
            casts.append(helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=TensorProto.FLOAT))
        else:
            stored.append(tensor)
    widened = {cast.output[0] for cast in casts}
    kept = [value for value in graph.graph.value_info if value.name not in widened]
    nodes = casts + list(graph.graph.node)
    for node in nodes:
        del node.metadata_props[:]
        node.doc_string = ""
    for owner, items in ((graph.graph.initializer, stored), (graph.graph.value_info, kept), (graph.graph.node, nodes)):
        del owner[:]
        owner.extend(items)


def session(path: Path) -> onnxruntime.InferenceSession:
    """The file in ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def export(weights: Path, target: Path, *, size: int = 128, tolerance: float = 0.15) -> dict[str, float]:
    """Write the file and measure it; ValueError where it is too large or strays from PyTorch.

    Logits may differ by `tolerance` (they run to tens; float16 weights), predicted IoU by a tenth of it.
    """
    network = load_network(weights)
    runner, inputs = written(to_graph(network, size), target), example(size)
    feeds = {name: value.numpy() for name, value in zip(INPUTS, inputs, strict=True)}
    masks, scores = runner.run(list(OUTPUTS), feeds)
    with torch.no_grad():
        expected_masks, expected_scores = (value.numpy() for value in network(*inputs))
    measured = {
        "logit_difference": float(np.abs(masks - expected_masks).max()),
        "mask_difference": float(((masks > 0) != (expected_masks > 0)).mean()),
        "score_difference": float(np.abs(scores - expected_scores).max()),
        "milliseconds": crop_time(runner, feeds, OUTPUTS),
    }
    return accepted(network, target, measured, largest=LARGEST_FILE, tolerance=tolerance)


def export_contours(weights: Path, target: Path, *, tolerance: float = 0.15) -> dict[str, float]:
    """As `export`, for the network of contours."""
    network = load_network(weights, Contours)
    runner = written(to_contours_graph(network), target)
    chance = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, 20 * SIDES, 32 * SIDES, 3), generator=chance, dtype=torch.uint8)
    feeds = {"image": image.numpy()}
    (borders,) = runner.run(list(BORDERS), feeds)
    with torch.no_grad():
        expected = network(image).numpy()
    measured = {
        "logit_difference": float(np.abs(borders - expected).max()),
        "milliseconds": crop_time(runner, feeds, BORDERS),
    }
    return accepted(network, target, measured, largest=LARGEST_CONTOURS, tolerance=tolerance)


def written(graph: onnx.ModelProto, target: Path) -> onnxruntime.InferenceSession:
    """The graph with halved weights as a file, opened again."""
    halve(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, target)
    return session(target)


def accepted(
    network: torch.nn.Module, target: Path, measured: dict[str, float], *, largest: int, tolerance: float
) -> dict[str, float]:
    """What was measured, with the file's bytes and the parameters; ValueError where that is too much."""
    parameters = sum(value.numel() for value in network.parameters())
    measured = {"bytes": target.stat().st_size, "parameters": parameters, **measured}
    if measured["bytes"] > largest:
        raise ValueError(f"{target} has {measured['bytes']} bytes, more than {largest}")
    if measured["logit_difference"] > tolerance or measured.get("score_difference", 0) > tolerance / 10:
        raise ValueError(f"{target} strays from PyTorch: {measured}")
    return measured


def crop_time(
    runner: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray], outputs: tuple[str, ...], *, repeats: int = 20
) -> float:
    """Milliseconds of one crop or picture, the median."""
    one, times = {name: value[:1] for name, value in feeds.items()}, []
    for _ in range(repeats):
        started = time.perf_counter()
        runner.run(list(outputs), one)
        times.append(time.perf_counter() - started)
    return float(np.median(times) * 1e3)


def main() -> None:
    """Export and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=("nano", "contours"), default="nano")
    parser.add_argument("weights", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    write = {"nano": export, "contours": export_contours}[arguments.network]
    for name, value in write(arguments.weights, arguments.target).items():
        print(f"{name}: {value:.6g}")


if __name__ == "__main__":
    main()
