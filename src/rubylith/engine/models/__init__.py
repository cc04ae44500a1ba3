"""One file per model family; each has `load(weights, device) -> Segmenter`; weights are None where none are needed.

Families of promptable encoders also say in FRAME how a picture is laid on the square that they see.
"""

from dataclasses import dataclass
from pathlib import Path

NAMES = ("embedded", "sam", "sam_hq", "sam2", "eomt", "mask2former", "oneformer")


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of one model, on this machine.

    name: the model's. folder: where its files are; graphs by themselves or in `onnx/`. is_split: four graphs of our
    own export, else the hub's pair. input_size: side of the square. mask_size: side of the logits. needs_torch: no
    graphs at all but transformers' files.
    """

    name: str
    folder: Path
    is_split: bool
    input_size: int
    mask_size: int
    needs_torch: bool = False
