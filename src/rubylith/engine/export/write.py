# pyright: basic, reportMissingImports=false
"""Writes a model's graphs and the page about them, once they are shown to say what the model says."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rubylith.domain.errors import ModelFailed
from rubylith.engine.catalog import EVERYTHING
from rubylith.engine.export.attention import TRANSLATIONS
from rubylith.engine.export.parts import Part, Source, parts_of
from rubylith.engine.export.quantize import calibrate, quantize
from rubylith.engine.export.quiet import quiet
from rubylith.engine.precisions import CALIBRATED
from rubylith.engine.runtimes import Device, FloatArray
from rubylith.engine.runtimes.onnx import open_network

TOLERANCE = 1e-3
OPSET = 20
LAYOUT = 1  # of the four graphs and the page; a reader refuses a later one


@dataclass(frozen=True)
class Graph:
    """One part to be written, with arrays it can be traced with and its free axes.

    turned: other values of its switches, so that what tracing took for constant is noticed.
    """

    part: Part
    example: dict[str, Tensor]
    free: dict[str, dict[int, str]]
    turned: dict[str, Tensor] = field(default_factory=dict[str, Tensor])


def export(
    source: Source,
    folder: Path,
    *,
    precision: str = "fp32",
    pictures: Sequence[FloatArray] = (),
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Write the graphs into `folder`, compare each with torch on random arrays, then write `model.json`.

    precision: with int8 a second encoder is written, which `Device(precision="int8")` takes.
    pictures: as the encoder is shown them, (1, 3, side, side); with int8 a third one is written for OpenVINO, with
    ranges measured on all but the last, on which it is compared.
    Returns the largest difference of each graph, relative to the largest value where that is above 1. ModelFailed if
    one is above TOLERANCE; then there is no `model.json`, and nothing will load the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").unlink(missing_ok=True)
    differences: dict[str, float] = {}
    with torch.no_grad():
        graphs = _graphs(source)
        for graph in graphs:
            differences[graph.part.name] = write_checked(graph, folder, say)
    if precision == "int8":
        say("Writing encoder_int8")
        pixels = {name: array.numpy() for name, array in graphs[0].example.items()}
        differences["encoder_int8"] = quantize(folder / "encoder.onnx", folder / "encoder_int8.onnx", pixels)
        if pictures:
            name = f"encoder{CALIBRATED}"
            shown = [{"pixel_values": one} for one in pictures]
            say(f"Writing {name}, with ranges measured on {len(shown) - 1} pictures and compared on one more")
            target = folder / f"{name}.onnx"
            differences[name] = calibrate(folder / "encoder.onnx", target, shown[:-1], shown[-1])
    page = {
        "layout": LAYOUT,
        "family": source.family,
        "input_size": source.side,
        "mask_size": source.mask_size,
        "features": list(source.features),
        "everything": EVERYTHING.get(source.family, {}),
        "differences": differences,
    }
    (folder / "model.json").write_text(json.dumps(page, indent=2) + "\n", "utf-8")
    return differences


def write_checked(graph: Graph, folder: Path, say: Callable[[str], None]) -> float:
    """Write one graph and return its largest difference from torch; ModelFailed if that is above TOLERANCE."""
    name = graph.part.name
    say(f"Writing {name}")
    path = folder / f"{name}.onnx"
    _write(graph, path)
    difference = _compare(graph, path)
    if not difference <= TOLERANCE:
        raise ModelFailed(
            f"The exported {name} differs from the model by {difference:.2g}",
            f"Nothing was registered; the limit is {TOLERANCE:g}. Report this model",
        )
    return difference


def _graphs(source: Source) -> list[Graph]:
    parts = {part.name: part for part in parts_of(source)}
    generator = torch.Generator().manual_seed(0)
    side, low = source.side, source.mask_size

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def run(name: str, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        return dict(zip(parts[name].outputs, parts[name].module(**arrays), strict=True))

    def chosen(name: str, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        return {one: arrays[one] for one in parts[name].inputs}

    pixels = {"pixel_values": random(1, 3, side, side)}
    labels = torch.tensor([[1, 0, -1], [2, 3, -1], [1, 1, 1]])
    arrays = {
        **run("encoder", pixels),
        "mask": random(1, 1, low, low) * 5,
        "has_mask": torch.ones(1),
        "points": torch.rand(3, 3, 2, generator=generator) * side,
        "labels": labels,
        "valid": torch.tensor([low, low * 3 // 4]),
        "offset": torch.ones(1),
    }
    arrays |= run("prepare", chosen("prepare", arrays))
    arrays |= run("transformer", chosen("transformer", arrays))
    prompts = {0: "prompts", 1: "points"}
    return [
        Graph(parts["encoder"], pixels, {}),
        Graph(parts["prepare"], chosen("prepare", arrays), {}, {"has_mask": torch.zeros(1)}),
        Graph(
            parts["transformer"],
            chosen("transformer", arrays),
            {"points": prompts, "labels": prompts},
            {"labels": labels.flip(1)},
        ),
        Graph(
            parts["upscaler"],
            chosen("upscaler", arrays),
            {"told": {0: "prompts"}, "hyper": {0: "prompts", 1: "masks"}},
            {"valid": torch.tensor([low // 2, low]), "offset": torch.full((1,), 0.25)},
        ),
    ]


def _write(graph: Graph, path: Path) -> None:
    free = {
        name: {axis: torch.export.Dim(label, min=1, max=4096) for axis, label in graph.free[name].items()}
        if name in graph.free
        else None
        for name in graph.example
    }
    with quiet():
        program = torch.onnx.export(
            graph.part.module,
            kwargs=graph.example,
            dynamo=True,
            input_names=list(graph.example),
            output_names=list(graph.part.outputs),
            dynamic_shapes=free,
            opset_version=OPSET,
            custom_translation_table=TRANSLATIONS,
            verbose=False,
        )
        assert program is not None
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # where on this machine each line of code lies that made it
        program.save(str(path), external_data=False)


def _compare(graph: Graph, path: Path) -> float:
    """Largest difference between the graph and torch on other arrays than it was traced with; NaN if either says so."""
    generator, network = torch.Generator().manual_seed(1), open_network(path, Device())
    differences: list[float] = []
    for example in (graph.example, graph.example | graph.turned):
        fewer = {name: _fewer(array, graph.free.get(name, {})) for name, array in example.items()}
        arrays = {name: _other(array, generator) for name, array in fewer.items()}
        wanted = graph.part.module(**arrays)
        got = network.run({name: array.numpy() for name, array in arrays.items()})
        for name, reference in zip(graph.part.outputs, wanted, strict=True):
            if got[name].shape != tuple(reference.shape):
                return float("inf")
            scale = max(1.0, float(reference.abs().max()))
            differences.append(float(np.abs(got[name] - reference.numpy()).max()) / scale)
    return float(np.max(differences))  # which keeps NaN, where max() may lose it


def _fewer(array: Tensor, free: dict[int, str]) -> Tensor:
    """One less along each free axis, to see that it is free."""
    for axis in free:
        array = array.narrow(axis, 0, array.shape[axis] - 1)
    return array.contiguous()


def _other(array: Tensor, generator: torch.Generator) -> Tensor:
    """Random values like these; whole numbers and switches stay."""
    if not array.is_floating_point() or array.numel() == 1:
        return array
    return torch.randn(array.shape, generator=generator) * array.std()
