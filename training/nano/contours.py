"""The second network: how likely each pixel of a picture lies on the border of an object or of a part.

No prompt, no thumbnail: only convolutions, so that pictures of any size go through at once. It shares its scenes, its
stream of batches and its trainer's checkpoints with nano; `train.py --network contours` trains it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nano.losses import Summary
from training.nano.model import ConvNorm, Residual, double
from training.nano.stream import StreamConfig
from training.nano.trainer import TrainConfig, Trainer

WIDTHS = (16, 24, 40, 48)
VIEWS = 48  # rows a batch
SIDES = 16  # height and width of a picture must be multiples of this


class Contours(nn.Module):
    """A small U-Net. Widths are those at 1/2, 1/4, 1/8 and 1/16 of the picture."""

    def __init__(self, widths: tuple[int, int, int, int] = WIDTHS) -> None:
        super().__init__()
        half, quarter, eighth, deep = widths
        self.stem = ConvNorm(3, half, stride=2)
        self.down_quarter, self.at_quarter = ConvNorm(half, quarter, stride=2), Residual(quarter)
        self.down_eighth, self.at_eighth = ConvNorm(quarter, eighth, stride=2), Residual(eighth)
        self.down_deep, self.at_deep = ConvNorm(eighth, deep, stride=2), Residual(deep)
        self.up_eighth, self.merge_eighth = ConvNorm(deep, eighth, kernel=1), ConvNorm(eighth, eighth)
        self.up_quarter, self.merge_quarter = ConvNorm(eighth, quarter, kernel=1), ConvNorm(quarter, quarter)
        self.up_half, self.merge_half = ConvNorm(quarter, half, kernel=1), ConvNorm(half, half)
        self.borders = nn.Conv2d(half, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (n, 2, H/2, W/2) of borders of objects and of parts. image (n, H, W, 3) uint8 RGB, see SIDES."""
        x = (image.permute(0, 3, 1, 2).float() - 115) / 60
        half = self.stem(x.contiguous(memory_format=torch.channels_last))
        quarter = self.at_quarter(self.down_quarter(half))
        eighth = self.at_eighth(self.down_eighth(quarter))
        deep = self.at_deep(self.down_deep(eighth))
        y = self.merge_eighth(double(self.up_eighth(deep)) + eighth)
        y = self.merge_quarter(double(self.up_quarter(y)) + quarter)
        return self.borders(self.merge_half(double(self.up_half(y)) + half))


@dataclass(frozen=True, slots=True)
class MeasuredContours:
    """The loss, and the F-measures of what is called a border at one half."""

    loss: Tensor
    objects: float
    parts: float

    def summary(self, _config: StreamConfig) -> Summary:
        """What a log line tells."""
        return {"loss": self.loss.item(), "objects": self.objects, "parts": self.parts}


class ContoursTrainer(Trainer):
    """Trains `Contours` on views: crops without a prompt."""

    NAME = "contours"

    @staticmethod
    def build(config: TrainConfig) -> nn.Module:
        """The network of a configuration."""
        return Contours(config.widths)

    @staticmethod
    def default() -> TrainConfig:
        """A run's configuration where nothing else is said."""
        return TrainConfig(stream=StreamConfig(click_pairs=0, boxes=0, corrections=0, views=VIEWS), widths=WIDTHS)

    def measure(self, batch: dict[str, np.ndarray]) -> MeasuredContours:
        """The loss of a batch, with gradient."""
        self.network.train()
        wanted = torch.from_numpy(batch["edges"]).float()
        with self.precision():
            logits = self.network(torch.from_numpy(batch["image"]))
        loss = functional.binary_cross_entropy_with_logits(logits.float(), wanted)
        return MeasuredContours(loss, *f_measures(logits.detach(), wanted).tolist())


def f_measures(logits: Tensor, wanted: Tensor) -> Tensor:
    """Of each level the F-measure of all pixels of a batch, without tolerance: (2,)."""
    found = (logits > 0).float()
    hits = (found * wanted).sum((0, 2, 3))
    return 2 * hits / (found.sum((0, 2, 3)) + wanted.sum((0, 2, 3))).clamp(min=1)
