# pyright: basic, reportMissingImports=false
"""A model in transformers' form, and the four parts that it is cut into, with the names of what goes in and out."""

from dataclasses import dataclass

from torch import nn

from rubylith.engine.export.decoder import FinerUpscaler, PlainUpscaler, Prepare, Transformer, Upscaler

UPSCALERS = {"sam": PlainUpscaler, "sam_hq": FinerUpscaler, "sam2": Upscaler}  # by family


@dataclass(frozen=True)
class Source:
    """A model in transformers' form.

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

    @property
    def mask_size(self) -> int:
        """Side of the mask logits."""
        return 4 * int(self.model.prompt_encoder.image_embedding_size[0])


@dataclass(frozen=True)
class Part:
    """A module that takes arrays by name and gives a tuple of them."""

    name: str
    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def parts_of(source: Source) -> tuple[Part, ...]:
    """Encoder, prepare, transformer, upscaler, ready to be run or written."""
    model = source.model.eval()
    transformer = Transformer(model).eval()
    told = ("iou", "hyper", "told", *(("presence",) if transformer.has_presence else ()))
    fine = tuple(name for name in source.features if name != "image_embeddings")
    limits = ("told", "hyper", "valid", "offset")
    return (
        Part("encoder", source.encoder.eval(), ("pixel_values",), source.features),
        Part("prepare", Prepare(model).eval(), ("image_embeddings", "mask", "has_mask"), Prepare.OUTPUTS),
        Part("transformer", transformer, (*Prepare.OUTPUTS, "points", "labels"), told),
        Part("upscaler", UPSCALERS[source.family](model).eval(), (*limits, *fine), ("logits", "stability", "boxes")),
    )
