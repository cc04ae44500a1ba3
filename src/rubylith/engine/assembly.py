"""Files of a SAM-like model → the model: finds the graphs, opens them, joins them."""

from collections.abc import Callable

from rubylith.domain.geometry import Size
from rubylith.engine.decoders import Decoder, PairDecoder, SplitDecoder
from rubylith.engine.frames import Frame
from rubylith.engine.graphs import Part, open_graph
from rubylith.engine.models import Weights
from rubylith.engine.promptable import Model, Promptable
from rubylith.engine.runtimes import Device, Network

OWN, SPLIT = "encoder", ("prepare", "transformer", "upscaler")  # the graphs of our own export
PUBLISHED, PAIR = "vision_encoder", "prompt_encoder_mask_decoder"  # and those of the hub


def assemble(
    weights: Weights,
    device: Device,
    *,
    frame: Callable[[Size, int, int], Frame],
    pads_boxes: bool,
    falls_back: bool,
) -> Promptable:
    """The model, ready. frame, pads_boxes, falls_back: the family's ways, see Model and SplitDecoder."""
    encoder, decoder, features = _parts(weights, device, pads_boxes=pads_boxes)
    model = Model(weights.name, weights.input_size, weights.mask_size, features, frame, falls_back)
    return Promptable(model, encoder, decoder)


def _parts(weights: Weights, device: Device, *, pads_boxes: bool) -> tuple[Network, Decoder, tuple[str, ...]]:
    """Encoder, decoder, and what of the encoder's outputs the decoder wants.

    Precision concerns the encoder alone: scores and thresholds stay in fp32, and so does what makes them.
    """
    folder = weights.folder
    if not (weights.is_split or weights.needs_torch):
        pair = open_graph(folder, PAIR, Part.EXACT, device)
        wanted = tuple(name for name in pair.inputs if name.startswith("image_"))
        encoder = open_graph(folder, PUBLISHED, Part.ENCODER, device)
        return encoder, PairDecoder(pair, weights.name), wanted
    if weights.needs_torch:
        from rubylith.engine.runtimes.torch import open_networks  # noqa: PLC0415  the core has no PyTorch

        networks: dict[str, Network] = dict(open_networks(folder, device))
    else:
        networks = {OWN: open_graph(folder, OWN, Part.ENCODER, device)}
        networks |= {name: open_graph(folder, name, Part.EXACT, device) for name in SPLIT}
    decoder = SplitDecoder(
        networks["prepare"],
        networks["transformer"],
        networks["upscaler"],
        mask_size=weights.mask_size,
        pads_boxes=pads_boxes,
    )
    return networks[OWN], decoder, ("image_embeddings", *decoder.fine)
