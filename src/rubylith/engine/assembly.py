"""Files of a SAM-like model → the model: finds the graphs, opens them, joins them."""

from collections.abc import Callable
from pathlib import Path

from rubylith.domain.errors import Unavailable, WeightsMissing
from rubylith.domain.geometry import Size
from rubylith.engine.decoders import Decoder, PairDecoder, SplitDecoder
from rubylith.engine.frames import Frame
from rubylith.engine.models import Weights
from rubylith.engine.promptable import Model, Promptable
from rubylith.engine.runtimes import Device, Network
from rubylith.engine.runtimes.onnx import open_network

SUFFIXES = {"fp32": ("",), "fp16": ("_fp16",), "int8": ("_int8", "_quantized"), "bf16": ("",)}
CALIBRATED = "_int8_static"  # in int8 with measured ranges, which OpenVINO wants
OWN, PUBLISHED = "encoder", "vision_encoder"


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
    exact = Device(device.provider, device.threads)
    if not (weights.is_split or weights.needs_torch):
        pair = _open(weights, "prompt_encoder_mask_decoder", exact)
        wanted = tuple(name for name in pair.inputs if name.startswith("image_"))
        return _encoder(weights, PUBLISHED, device), PairDecoder(pair, weights.name), wanted
    if weights.needs_torch:
        from rubylith.engine.runtimes.torch import open_networks  # noqa: PLC0415  the core has no PyTorch

        networks: dict[str, Network] = dict(open_networks(weights.folder, device))
    else:
        networks = {name: _open(weights, name, exact) for name in ("prepare", "transformer", "upscaler")}
        networks["encoder"] = _encoder(weights, OWN, device)
    decoder = SplitDecoder(
        networks["prepare"],
        networks["transformer"],
        networks["upscaler"],
        mask_size=weights.mask_size,
        pads_boxes=pads_boxes,
    )
    return networks["encoder"], decoder, ("image_embeddings", *decoder.fine)


def _encoder(weights: Weights, name: str, device: Device) -> Network:
    if device.provider == "openvino":
        from rubylith.engine.runtimes import openvino  # noqa: PLC0415  the core has no OpenVINO

        is_int8 = device.precision == "int8"
        path = _calibrated(weights.folder, name) if is_int8 else find_graph(weights.folder, name, device.precision)
        return openvino.open_network(path, device)
    if device.precision == "bf16":
        raise Unavailable(
            f"{device.provider} does not count in bf16", "Use RUBYLITH_PROVIDER=openvino, or RUBYLITH_PRECISION=fp32"
        )
    return _open(weights, name, device)


def _open(weights: Weights, name: str, device: Device) -> Network:
    return open_network(find_graph(weights.folder, name, device.precision), device)


def _calibrated(folder: Path, name: str) -> Path:
    path = folder / f"{name}{CALIBRATED}.onnx"
    if path.is_file():
        return path
    raise WeightsMissing(
        f"{folder} has no {name} in int8 with measured ranges, which OpenVINO needs",
        "Export the model with --precision int8 --calibrate PICTURES, or use RUBYLITH_PRECISION=bf16 or fp32",
    )


def find_graph(folder: Path, name: str, precision: str) -> Path:
    """The file of a graph in the folder or in its `onnx/`; WeightsMissing if there is none of that precision."""
    for suffix in SUFFIXES[precision]:
        for place in (folder, folder / "onnx"):
            path = place / f"{name}{suffix}.onnx"
            if path.is_file():
                return path
    if precision in {"fp32", "bf16"}:
        raise WeightsMissing(
            f"{folder} has no {name}.onnx",
            "See what is gone with `rubylith models verify`, and pull or export it again",
        )
    ways = "Pull" if precision == "fp16" else "Pull or export"
    raise WeightsMissing(
        f"{folder} has no {name} of precision {precision}",
        f"{ways} the model with --precision {precision}, or use RUBYLITH_PRECISION=fp32",
    )
