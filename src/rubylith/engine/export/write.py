# pyright: basic, reportMissingImports=false
"""Writes a model's graphs and the page about them, once they are shown to say what the model says."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rubylith.domain.errors import ModelFailed
from rubylith.engine.export.decoder import FinerUpscaler, PlainUpscaler, Prepare, Transformer, Upscaler
from rubylith.engine.runtimes import Device
from rubylith.engine.runtimes.onnx import open_network

TOLERANCE = 1e-3
OPSET = 20
UPSCALERS = {"sam": PlainUpscaler, "sam_hq": FinerUpscaler, "sam2": Upscaler}  # by family
LAYOUT = 1  # of the four graphs and the page; a reader refuses a later one


@dataclass(frozen=True)
class Source:
    """A model to be exported, in transformers' form.

    encoder: pixels (1, 3, side, side) → the embeddings, coarsest last for SAM 2. features: their names.
    family: the file in `engine/models` that runs it. model: with prompt_encoder and mask_decoder.
    """

    family: str
    model: nn.Module
    encoder: nn.Module
    features: tuple[str, ...]

    @property
    def side(self) -> int:
        """Of the square the encoder sees."""
        return int(self.model.prompt_encoder.input_image_size)


@dataclass(frozen=True)
class Graph:
    """One graph to be written: a module, arrays it can be traced with, the names of both ends, the free axes."""

    name: str
    module: nn.Module
    example: dict[str, Tensor]
    outputs: tuple[str, ...]
    free: dict[str, dict[int, str]]


def export(source: Source, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> dict[str, float]:
    """Write the graphs into `folder`, compare each with torch on random arrays, then write `model.json`.

    Returns the largest difference of each graph, relative to the largest value where that is above 1. ModelFailed if
    one is above TOLERANCE; then there is no `model.json`, and nothing will load the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").unlink(missing_ok=True)
    differences: dict[str, float] = {}
    with torch.no_grad():
        for graph in _graphs(source):
            say(f"Writing {graph.name}")
            path = folder / f"{graph.name}.onnx"
            _write(graph, path)
            differences[graph.name] = _compare(graph, path)
            if not differences[graph.name] <= TOLERANCE:
                raise ModelFailed(
                    f"The exported {graph.name} differs from the model by {differences[graph.name]:.2g}",
                    f"Nothing was registered; the limit is {TOLERANCE:g}. Report this model",
                )
    page = {
        "layout": LAYOUT,
        "family": source.family,
        "input_size": source.side,
        "mask_size": 4 * int(source.model.prompt_encoder.image_embedding_size[0]),
        "features": list(source.features),
        "differences": differences,
    }
    (folder / "model.json").write_text(json.dumps(page, indent=2) + "\n", "utf-8")
    return differences


def _graphs(source: Source) -> list[Graph]:
    model = source.model.eval()
    generator = torch.Generator().manual_seed(0)
    side, cells = source.side, int(model.prompt_encoder.image_embedding_size[0])

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    pixels = {"pixel_values": random(1, 3, side, side)}
    embeddings = dict(zip(source.features, source.encoder(**pixels), strict=True))
    mask = {"mask": random(1, 1, 4 * cells, 4 * cells) * 5, "has_mask": torch.ones(1)}
    prepare = Prepare(model)
    prepared = dict(zip(Prepare.OUTPUTS, prepare(embeddings["image_embeddings"], **mask), strict=True))
    labels = torch.tensor([[1, 0, -1], [2, 3, -1], [1, 1, 1]])
    prompts = {"points": torch.rand(3, 3, 2, generator=generator) * side, "labels": labels}
    transformer = Transformer(model)
    _, hyper, told, *rest = transformer(**prepared, **prompts)
    fine = {name: array for name, array in embeddings.items() if name != "image_embeddings"}
    limits = {"valid": torch.tensor([4 * cells, 3 * cells]), "offset": torch.ones(1)}
    both = {0: "prompts"}
    return [
        Graph("encoder", source.encoder, pixels, source.features, {}),
        Graph("prepare", prepare, {"image_embeddings": embeddings["image_embeddings"], **mask}, Prepare.OUTPUTS, {}),
        Graph(
            "transformer",
            transformer,
            {**prepared, **prompts},
            ("iou", "hyper", "told", "presence")[: 3 + len(rest)],
            {"points": {0: "prompts", 1: "points"}, "labels": {0: "prompts", 1: "points"}},
        ),
        Graph(
            "upscaler",
            UPSCALERS[source.family](model),
            {"told": told, "hyper": hyper, **limits, **fine},
            ("logits", "stability", "boxes"),
            {"told": both, "hyper": {0: "prompts", 1: "masks"}},
        ),
    ]


def _write(graph: Graph, path: Path) -> None:
    free = {
        name: {axis: torch.export.Dim(label, min=1, max=4096) for axis, label in graph.free[name].items()}
        if name in graph.free
        else None
        for name in graph.example
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.module.eval(),
            kwargs=graph.example,
            f=str(path),
            dynamo=True,
            input_names=list(graph.example),
            output_names=list(graph.outputs),
            dynamic_shapes=free,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )


def _compare(graph: Graph, path: Path) -> float:
    """Largest difference between the graph and torch on other arrays than it was traced with."""
    generator = torch.Generator().manual_seed(1)
    arrays = {name: _other(_fewer(array, graph.free.get(name, {})), generator) for name, array in graph.example.items()}
    wanted = graph.module(**arrays)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    got = open_network(path, Device()).run({name: array.numpy() for name, array in arrays.items()})
    worst = 0.0
    for name, reference in zip(graph.outputs, wanted, strict=True):
        scale = max(1.0, float(reference.abs().max()))
        worst = max(worst, float(np.abs(got[name] - reference.numpy()).max()) / scale)
    return worst


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
