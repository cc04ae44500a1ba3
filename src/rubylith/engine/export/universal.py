# pyright: basic, reportMissingImports=false
"""EoMT, Mask2Former and OneFormer in transformers' form → one part: pixels in, logits of names and masks out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rubylith.domain.errors import ModelFailed, UnknownName
from rubylith.engine.export.parts import Part
from rubylith.engine.export.sources import reading
from rubylith.engine.export.write import LAYOUT, Graph, write_checked

OUTPUTS = ("class_logits", "mask_logits")
KINDS = ("eomt", "mask2former", "oneformer")
TASK_LENGTH = 77


@dataclass(frozen=True)
class Whole:
    """A model that is one network. side: of the square it sees. names: of its classes, in order."""

    family: str
    part: Part
    side: int
    names: tuple[str, ...]


class Queries(nn.Module):
    """The network without what only training needs."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, side, side) → (1, Q, C + 1), (1, Q, h, w)."""
        answer = self.model(pixel_values=pixel_values)
        return answer.class_queries_logits, answer.masks_queries_logits


class TaskQueries(Queries):
    """OneFormer's, which is told its task as well."""

    def forward(self, pixel_values: Tensor, task_inputs: Tensor) -> tuple[Tensor, Tensor]:
        """task_inputs: (1, 77) int64, tokens of CLIP."""
        answer = self.model(pixel_values=pixel_values, task_inputs=task_inputs)
        return answer.class_queries_logits, answer.masks_queries_logits


def is_universal(folder: Path) -> bool:
    """True if a folder in transformers' form holds one of KINDS."""
    page = folder / "config.json"
    return page.is_file() and json.loads(page.read_text("utf-8")).get("model_type") in KINDS


def load_universal(folder: Path, side: int) -> Whole:
    """The model in a folder that transformers wrote. side: of the square it is to see. ModelFailed if there is none."""
    from transformers import AutoModelForUniversalSegmentation  # noqa: PLC0415

    with reading(folder):
        model = AutoModelForUniversalSegmentation.from_pretrained(str(folder))
    return from_transformers(model, side)


def from_transformers(model: nn.Module, side: int) -> Whole:
    """A model of transformers' classes, ready to be run or exported; UnknownName for other kinds."""
    config = model.config
    if config.model_type not in KINDS:
        raise UnknownName.among("kind of universal model", config.model_type, KINDS)
    has_task = config.model_type == "oneformer"
    if config.model_type == "eomt":
        _settle(model)
    module = TaskQueries(model.eval()) if has_task else Queries(model.eval())
    inputs = ("pixel_values", "task_inputs") if has_task else ("pixel_values",)
    names = tuple(config.id2label[index] for index in range(len(config.id2label)))
    return Whole(config.model_type, Part("network", module.eval(), inputs, OUTPUTS), side, names)


def export_universal(whole: Whole, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> dict[str, float]:
    """Write `network.onnx`, compare it with torch, then write `model.json`; ModelFailed if they differ."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").unlink(missing_ok=True)
    generator = torch.Generator().manual_seed(0)
    example = {"pixel_values": torch.randn(1, 3, whole.side, whole.side, generator=generator)}
    if "task_inputs" in whole.part.inputs:
        example["task_inputs"] = torch.zeros(1, TASK_LENGTH, dtype=torch.int64)
    with torch.no_grad(), _without_checks():
        mask_size = int(whole.part.module(**example)[1].shape[-1])
        differences = {"network": write_checked(Graph(whole.part, example, {}), folder, say)}
    page = {
        "layout": LAYOUT,
        "family": whole.family,
        "input_size": whole.side,
        "mask_size": mask_size,
        "names": list(whole.names),
        "differences": differences,
    }
    (folder / "model.json").write_text(json.dumps(page, indent=2) + "\n", "utf-8")
    return differences


def _settle(model: nn.Module) -> None:
    """EoMT asks a buffer in every block whether its mask counts; a graph needs the answers beforehand."""
    chances = [float(value) for value in model.attn_mask_probs]
    if not all(chance in {0.0, 1.0} for chance in chances):
        raise ModelFailed("The model masks attention at random, as in training", "Give weights that are trained out")
    del model._buffers["attn_mask_probs"]
    model.attn_mask_probs = chances


class _without_checks:  # noqa: N801  read as a phrase
    """Checks of transformers that the exporter has no operator for; shapes are fixed, so they cannot fail."""

    def __enter__(self) -> None:
        from transformers.models.oneformer import modeling_oneformer  # noqa: PLC0415

        self._check = modeling_oneformer.torch_compilable_check
        modeling_oneformer.torch_compilable_check = lambda *_, **__: None

    def __exit__(self, *_: object) -> None:
        from transformers.models.oneformer import modeling_oneformer  # noqa: PLC0415

        modeling_oneformer.torch_compilable_check = self._check
