"""Weights to go on training with, from a network in the package, where its run's folder is gone.

    python -m training.nano.restore --data DATA src/rubylith/engine/embedded/nano.onnx weights.pt --samples 683000

An exported network has its batch norms folded into its convolutions. Here each convolution gets the size of weights
that PyTorch begins with, and the batch norm behind it the mean and variance that a few batches have there, with the
scale and offset that make the two together what was exported. What the file does not hold (nano's head of borders, a
help in training only) begins anew. `--samples` says how many the network has seen: `train.py --weights` goes on behind
them, on scenes that it has not met.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from training.nano import guard
from training.nano.contours import Contours, ContoursTrainer
from training.nano.model import ConvNorm, Nano
from training.nano.stream import Batch, Stream
from training.nano.trainer import Trainer, network_inputs

TRAINERS: dict[str, type[Trainer]] = {"nano": Trainer, "contours": ContoursTrainer}
DOWN = ("down_quarter", "down_eighth", "down_deep")
BATCHES = 6


def stored_values(path: Path) -> dict[str, Tensor]:
    """The exported weights as float32, by the names of the folded network's parameters."""
    graph = onnx.load(path).graph
    held = {tensor.name.removesuffix("_half"): numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # a linear layer over three axes is exported as a product and a sum, and its weight loses its name
    for node in graph.node:
        bias = next((name for name in node.input if name.startswith("judge.")), None)
        if node.op_type == "Add" and bias is not None:
            product = next(made for made in graph.node if made.output[0] in node.input)
            held[bias.replace("bias", "weight")] = held[product.input[1]].T
    return {name: torch.from_numpy(values.astype(np.float32)) for name, values in held.items()}


def widths(held: dict[str, Tensor]) -> tuple[int, int, int, int]:
    """Channels at 1/2, 1/4, 1/8 and 1/16 of what the network reads."""
    half, quarter, eighth, deep = (len(held[f"{name}.0.bias"]) for name in ("stem", *DOWN))
    return half, quarter, eighth, deep


def unfold(block: ConvNorm, weight: Tensor, bias: Tensor) -> RemovableHandle:
    """Split an exported convolution into convolution and batch norm once the block has seen its input.

    The handle ends that.
    """
    convolution, norm = block[0], block[1]
    size = weight.square().mean((1, 2, 3)).sqrt().clamp(min=1e-8)
    scale = size * (3 * weight[0].numel()) ** 0.5  # against the standard deviation that PyTorch begins with
    convolution.weight.data = (weight / scale[:, None, None, None]).contiguous(memory_format=torch.channels_last)

    def settle(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        (x,) = inputs
        norm.running_mean, norm.running_var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        norm.weight.data = scale * (norm.running_var + norm.eps).sqrt()
        norm.bias.data = bias + scale * norm.running_mean

    return norm.register_forward_pre_hook(settle)


@torch.no_grad()
def restored(path: Path, trainer: type[Trainer], batches: list[Batch]) -> nn.Module:
    """A network in inference mode that computes what the file at `path` computes; ValueError if it holds another.

    The batches decide only where the batch norms stand in training.
    """
    held = stored_values(path)
    network = trainer.build(replace(trainer.default(), widths=widths(held))).eval()
    blocks = {name: module for name, module in network.named_modules() if isinstance(module, ConvNorm)}
    parameters = {
        name: value for name, value in network.named_parameters() if name.rpartition(".")[0][:-2] not in blocks
    }
    kept = {name for name in parameters if name.startswith("edges.")}
    wanted = set(parameters) - kept | {f"{name}.0.{kind}" for name in blocks for kind in ("weight", "bias")}
    if missing := sorted(wanted - set(held)):
        raise ValueError(f"{path} is not the network {trainer.NAME}: {missing[0]} is missing")
    for name in set(parameters) - kept:
        parameters[name].copy_(held[name])
    handles = [unfold(block, held[f"{name}.0.weight"], held[f"{name}.0.bias"]) for name, block in blocks.items()]
    batch = {name: torch.from_numpy(np.concatenate([batch[name] for batch in batches])) for name in batches[0]}
    if isinstance(network, Nano):
        network(*network_inputs(batch))
    elif isinstance(network, Contours):
        network(batch["image"])
    for handle in handles:
        handle.remove()
    return network


def write(network: nn.Module, source: Path, target: Path, samples: int) -> None:
    """The weights of a restored network as `Trainer.begin` reads them. samples: that it has seen."""
    torch.save({"network": network.state_dict(), "widths": widths(stored_values(source)), "samples": samples}, target)


def main() -> None:
    """Write the weights."""
    guard.forbid_evaluation_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=tuple(TRAINERS), default="nano")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    from training.nano.scenes import load_materials

    trainer = TRAINERS[options.network]
    config = trainer.default()
    stream = Stream(config.stream, load_materials(options.data, textures=config.stream.textures))
    batches = [stream.batch(options.samples // config.stream.rows + number) for number in range(BATCHES)]
    network = restored(options.source, trainer, batches)
    write(network, options.source, options.target, options.samples)


if __name__ == "__main__":
    main()
