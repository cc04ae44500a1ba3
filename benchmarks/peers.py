# pyright: basic, reportMissingImports=false
"""The same weights through another program and through us: `benchmarks/speed.py --peer transformers|segment-anything`.

Weights are random and of real size, and what the networks say is replaced by one world of regions, the same on both
sides (see world.py). Runs alternate; a second and third process, one for each side, tell the peak of memory.
`segment-anything` is the original project of the model (segment_anything or sam2), which must be importable.
All need PyTorch.
"""

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from benchmarks.world import SIDE, Drawn, Judged, World

from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything
from rubylith.domain.rle import RLE, rle_iou
from rubylith.engine import everything
from rubylith.engine.decoders import SplitDecoder
from rubylith.engine.frames import Frame
from rubylith.engine.graphs import find_graph
from rubylith.engine.promptable import Model, Promptable
from rubylith.engine.runtimes import Device, Network
from rubylith.engine.runtimes.onnx import open_network

PEERS = ("transformers", "segment-anything")
MODELS = {"sam2.1-tiny": "sam2", "sam-base": "sam"}
IOU, STABILITY, SUPPRESSION = 0.8, 0.95, 0.7
STAGES = ("encoder", "decoder", "rest", "all", "processor seconds")


class Clock(Counter[str]):
    """Seconds by stage of one run."""

    @contextmanager
    def of(self, stage: str):
        """Count the block's seconds."""
        started = time.perf_counter()
        yield
        self[stage] += time.perf_counter() - started

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its seconds counted."""

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.of(stage):
                return function(*arguments, **named)

        return timed


@dataclass
class Timed:
    """A network whose seconds count for a stage."""

    network: Network
    stage: str
    clock: Clock

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the arrays it takes."""
        return self.network.inputs

    def run(self, arrays: Any) -> Any:
        """The graph's outputs."""
        with self.clock.of(self.stage):
            return self.network.run(arrays)


class Side(Protocol):
    """One program."""

    clock: Clock
    world: World

    def run(self, pixels: np.ndarray, per_side: int) -> list[RLE]:
        """Masks of everything."""
        ...


class Ours:
    """Rubylith's graphs."""

    def __init__(self, folder: Path, family: str, world: World, device: Device) -> None:
        self.clock, self.world = Clock(), world
        page = json.loads((folder / "model.json").read_text("utf-8"))

        def network(name: str, stage: str, device: Device) -> Timed:
            return Timed(open_network(find_graph(folder, name, device.precision), device), stage, self.clock)

        exact = Device(threads=device.threads)
        judged = Judged(network("transformer", "decoder", exact), world)
        drawn = Drawn(network("upscaler", "decoder", exact), judged, world, IOU)
        prepare = network("prepare", "decoder", exact)
        decoder = SplitDecoder(prepare, judged, drawn, mask_size=SIDE, pads_boxes=family == "sam2")
        frame = Frame.stretched if family == "sam2" else Frame.padded
        features = tuple(page["features"])
        model = Model(str(folder), page["input_size"], page["mask_size"], features, frame, falls_back=False)
        self.model = Promptable(model, network("encoder", "encoder", device), decoder)

    def run(self, pixels: np.ndarray, per_side: int) -> list[RLE]:
        """See Side."""
        options = Everything(
            points_per_side=per_side,
            pred_iou_thresh=IOU,
            stability_score_thresh=STABILITY,
            box_nms_thresh=SUPPRESSION,
        )
        image = Image(pixels, "picture")
        embedding = self.model.embed(image)
        found = everything.segment(self.model, image, embedding, options, progress=lambda _: None)
        return [mask.rle for mask in found.masks]


class Transformers:
    """transformers' mask-generation pipeline."""

    def __init__(self, model: Any, world: World) -> None:
        from transformers import Sam2ImageProcessor, SamImageProcessor, pipeline  # noqa: PLC0415

        self.clock, self.world = Clock(), world
        processor = Sam2ImageProcessor() if model.config.model_type.startswith("sam2") else SamImageProcessor()
        model.get_image_embeddings = self.clock.around("encoder", model.get_image_embeddings)
        decode = self.clock.around("decoder", model.mask_decoder.forward)

        def answer(*arguments: Any, **named: Any) -> Any:
            masks, _, *others = decode(*arguments, **named)
            logits, iou = answer_tensors(world, masks.shape[1])
            return logits[None], iou[None], *others

        model.mask_decoder.forward = answer
        self.pipeline = pipeline("mask-generation", model=model, image_processor=processor)

    def run(self, pixels: np.ndarray, per_side: int) -> list[RLE]:
        """See Side."""
        import PIL.Image  # noqa: PLC0415

        found = self.pipeline(
            PIL.Image.fromarray(pixels),
            points_per_crop=per_side,
            pred_iou_thresh=IOU,
            stability_score_thresh=STABILITY,
            crops_nms_thresh=SUPPRESSION,
        )
        return [RLE.from_bitmap(np.asarray(mask, bool)) for mask in found["masks"]]


class Reference:
    """The original projects' automatic mask generators."""

    def __init__(self, model: Any, family: str, world: World) -> None:
        self.clock, self.world = Clock(), world
        options = {
            "pred_iou_thresh": IOU,
            "stability_score_thresh": STABILITY,
            "box_nms_thresh": SUPPRESSION,
            "output_mode": "coco_rle",
        }
        if family == "sam2":
            room = importlib.import_module("sam2.automatic_mask_generator")
            encoder, decoder = (model, "forward_image"), model.sam_mask_decoder
            self.make = lambda per_side: room.SAM2AutomaticMaskGenerator(model, per_side, **options)
        else:
            room = importlib.import_module("segment_anything")
            encoder, decoder = (model.image_encoder, "forward"), model.mask_decoder
            self.make = lambda per_side: room.SamAutomaticMaskGenerator(model, per_side, **options)
        setattr(*encoder, self.clock.around("encoder", getattr(*encoder)))
        decode = self.clock.around("decoder", decoder.forward)

        def answer(*arguments: Any, **named: Any) -> Any:
            masks, _, *others = decode(*arguments, **named)
            return *answer_tensors(world, masks.shape[0]), *others

        decoder.forward = answer

    def run(self, pixels: np.ndarray, per_side: int) -> list[RLE]:
        """See Side."""
        records = self.make(per_side).generate(pixels)
        size = Image(pixels, "picture").size
        return [RLE.from_coco(size, record["segmentation"]["counts"]) for record in records]


def answer_tensors(world: World, count: int) -> Any:
    """Logits (P, 3, SIDE, SIDE) and predicted IoU (P, 3) of the next seeds, as tensors."""
    import torch  # noqa: PLC0415

    return tuple(torch.from_numpy(array) for array in world.answer(count))


def random_weights(model: Any) -> Any:
    """The network with weights that keep signals at their size, which their own initialisation does not."""
    import torch  # noqa: PLC0415

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name.lower() and weight.dim() == 1:
                weight.fill_(1.0 if name.endswith("weight") else 0.0)
            elif weight.dim() > 1 and weight.numel():
                weight.normal_(0, min(0.5, max(1, weight[0].numel()) ** -0.5), generator=generator)
            elif name.endswith("bias"):
                weight.zero_()
    return model.eval()


def write_checkpoint(path: Path, family: str) -> Any:
    """The original project's network with random weights, which are also saved at `path`."""
    import torch  # noqa: PLC0415

    if family == "sam2":
        build = importlib.import_module("sam2.build_sam").build_sam2
        model = random_weights(build("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu"))
        torch.save({"model": model.state_dict()}, path)
    else:
        model = random_weights(importlib.import_module("segment_anything").sam_model_registry["vit_b"]())
        torch.save(model.state_dict(), path)
    return model


def write_transformers(folder: Path, family: str) -> Any:
    """transformers' network with random weights, which are also saved in `folder`."""
    from transformers import Sam2Config, Sam2Model, SamConfig, SamModel  # noqa: PLC0415

    model = random_weights(Sam2Model(Sam2Config()) if family == "sam2" else SamModel(SamConfig()))
    model.save_pretrained(folder)
    return model


def open_side(name: str, options: argparse.Namespace) -> Side:
    """`ours` or a peer, on the same weights; graphs are written to options.work once."""
    family, work = MODELS[options.model], options.work / f"{options.model}-{options.peer}"
    work.mkdir(parents=True, exist_ok=True)
    world = World(options.points)
    if name == "ours" and (work / "graphs" / "model.json").is_file():
        return Ours(work / "graphs", family, world, Device(threads=options.threads, precision=options.precision))
    import torch  # noqa: PLC0415
    from benchmarks import torchvision_ops  # noqa: PLC0415

    torchvision_ops.prepare()
    torch.set_num_threads(options.threads)
    is_reference = options.peer == "segment-anything"
    model = write_checkpoint(work / "weights.pt", family) if is_reference else write_transformers(work / "hf", family)
    if name != "ours":
        return Reference(model, family, world) if is_reference else Transformers(model, world)
    from rubylith.engine.export.checkpoints import load_checkpoint  # noqa: PLC0415
    from rubylith.engine.export.sources import from_transformers  # noqa: PLC0415
    from rubylith.engine.export.write import export  # noqa: PLC0415

    export(load_checkpoint(work / "weights.pt") if is_reference else from_transformers(model), work / "graphs")
    return open_side(name, options)


def picture(height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8, smooth."""
    import cv2  # noqa: PLC0415

    small = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def measure(side: Side, pixels: np.ndarray, per_side: int) -> tuple[dict[str, float], list[RLE]]:
    """Seconds by stage, without what the world took, and the masks."""
    side.clock.clear()
    side.world.begin()
    started, busy = time.perf_counter(), time.process_time()
    masks = side.run(pixels, per_side)
    whole, busy = time.perf_counter() - started, time.process_time() - busy
    whole, busy = whole - side.world.seconds, busy - side.world.seconds
    known = {stage: side.clock[stage] for stage in ("encoder", "decoder")}
    return known | {"rest": whole - sum(known.values()), "all": whole, "processor seconds": busy}, masks


def agreement(ours: list[RLE], theirs: list[RLE], limit: float = 0.9) -> str:
    """How much of their set is in ours, and how much more we have."""
    pairs = rle_iou(theirs, ours)
    matched = float((pairs.max(1) >= limit).mean()) if pairs.size else float(not theirs)
    extra = float((pairs.max(0) < limit).sum()) / max(len(theirs), 1) if pairs.size else float(len(ours))
    return f"{len(theirs)} masks of theirs, {100 * matched:.1f} % matched at IoU {limit}; {100 * extra:.1f} % extra"


def compare(options: argparse.Namespace) -> None:
    """Alternate the sides, print a table of medians, then memory."""
    pixels = picture(options.height, options.width)
    sides = {"ours": open_side("ours", options), options.peer: open_side(options.peer, options)}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    masks: dict[str, list[RLE]] = {}
    for name in ("ours", *(options.peer, "ours") * options.repeats):
        seconds, masks[name] = measure(sides[name], pixels, options.points)
        runs[name].append(seconds)
    medians = {name: {stage: statistics.median(r[stage] for r in runs[name]) for stage in STAGES} for name in runs}
    print(f"{options.model}, {options.width} x {options.height}, {options.points} x {options.points} points")
    print(f"\n| seconds | ours | {options.peer} | ratio |\n|---|---|---|---|")
    for stage in STAGES:
        ours, theirs = medians["ours"][stage], medians[options.peer][stage]
        print(f"| {stage} | {ours:.2f} | {theirs:.2f} | {theirs / ours:.1f} |")
    peaks = [peak(name, options) for name in sides]
    print(f"| peak memory, MB | {peaks[0]:.0f} | {peaks[1]:.0f} | {peaks[0] / peaks[1]:.2f} of theirs |")
    print(f"\n{agreement(masks['ours'], masks[options.peer])}; {seeds_drawn(sides['ours'].world)}")


def seeds_drawn(world: World) -> str:
    """What early exit saved."""
    passing = (world.iou > IOU).any(1).mean()
    return f"{100 * passing:.0f} % of the seeds have a mask above the threshold of predicted IoU"


def peak(name: str, options: argparse.Namespace) -> float:
    """MB of a process of its own that does it once."""
    command = [sys.executable, __file__.replace("peers.py", "speed.py"), "--peer", options.peer, "--only", name]
    for field in ("model", "width", "height", "points", "threads", "precision", "work"):
        command += [f"--{field}", str(getattr(options, field))]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(result.stdout.split()[-1])


def main(arguments: list[str]) -> None:
    """Compare, or with --only run one side once and print this process's peak memory in MB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--model", choices=list(MODELS), default="sam2.1-tiny")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--height", type=int, default=1024)
    parser.add_argument("--points", type=int, default=32, help="per side of the grid")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "rubylith-peers")
    parser.add_argument("--only")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    if not options.only:
        compare(options)
        return
    open_side(options.only, options).run(picture(options.height, options.width), options.points)
    print(own_peak())


def own_peak() -> float:
    """MB. Not getrusage's figure: a child begins with its parent's there."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
