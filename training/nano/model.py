"""The network: a small U-Net on a crop with its prompts, a thumbnail branch, three masks and their predicted IoU.

Reads raw arrays, so that no caller has to know how they are scaled: see `Nano.forward`.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

Some = TypeVar("Some", bound=nn.Module)
MASKS = 3
SHAPE_FEATURES = 5


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, unless it ends a residual branch, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3, relu: bool = True) -> None:
        layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = ConvNorm(channels, channels), ConvNorm(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)), inplace=True)


def double(x: Tensor) -> Tensor:
    """Twice the height and width, bilinear."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Nano(nn.Module):
    """Widths are those at 1/2, 1/4, 1/8 and 1/16 of the crop; `thumb` that of the thumbnail branch."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 88, 144), thumb: int = 64) -> None:
        super().__init__()
        half, quarter, eighth, deep = widths
        self.stem = ConvNorm(8, half, stride=2)
        self.down_quarter, self.at_quarter = ConvNorm(half, quarter, stride=2), Residual(quarter)
        self.down_eighth, self.at_eighth = ConvNorm(quarter, eighth, stride=2), Residual(eighth)
        self.down_deep = ConvNorm(eighth, deep, stride=2)
        self.at_deep = nn.Sequential(Residual(deep), Residual(deep))
        self.thumb = nn.Sequential(
            ConvNorm(5, 16, stride=2),
            ConvNorm(16, 32, stride=2),
            ConvNorm(32, thumb, stride=2),
            ConvNorm(thumb, thumb, stride=2),
        )
        self.whole = nn.Linear(deep + thumb + 1, deep)
        self.up_eighth, self.merge_eighth = ConvNorm(deep, eighth, kernel=1), ConvNorm(eighth, eighth)
        self.up_quarter, self.merge_quarter = ConvNorm(eighth, quarter, kernel=1), ConvNorm(quarter, quarter)
        self.up_half, self.merge_half = ConvNorm(quarter, half, kernel=1), ConvNorm(half, half)
        self.masks = nn.Conv2d(half, MASKS, 3, 1, 1)
        self.edges = nn.Conv2d(half, 2, 1)
        self.judge = nn.Sequential(
            nn.Linear(deep + thumb + 1 + 3 * quarter + SHAPE_FEATURES, 96), nn.ReLU(), nn.Linear(96, 1)
        )
        nn.init.zeros_(self.judge[2].weight)
        nn.init.constant_(self.judge[2].bias, 0.5)

    def forward(self, image: Tensor, hints: Tensor, context: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits (n, 3, S, S) and predicted IoU (n, 3) with the whole object in the photo.

        image (n, S, S, 3) uint8 RGB; hints (n, 4, S, S) uint8: positive and negative clicks, box, previous mask;
        context (n, 64, 64, 5) uint8: thumbnail, crop window, clicks; numbers (n, 2) float32: 1 for a box prompt,
        ln(crop side / photo side).
        """
        logits, scores, _ = self.forward_with_edges(image, hints, context, numbers)
        return double(logits), scores

    def forward_with_edges(
        self, image: Tensor, hints: Tensor, context: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """For training: logits at half size (n, 3, S/2, S/2), scores, and edge logits (n, 2, S/2, S/2)."""
        x, thumb = self.read(image, hints, context, numbers)
        half = self.stem(x)
        quarter = self.at_quarter(self.down_quarter(half))
        eighth = self.at_eighth(self.down_eighth(quarter))
        deep = self.at_deep(self.down_deep(eighth))
        whole = torch.cat([deep.mean((2, 3)), self.thumb(thumb).mean((2, 3)), numbers[:, 1:2]], 1)
        y = deep + self.whole(whole)[:, :, None, None]
        y = self.merge_eighth(double(self.up_eighth(y)) + eighth)
        features = self.merge_quarter(double(self.up_quarter(y)) + quarter)
        y = self.merge_half(double(self.up_half(features)) + half)
        logits = self.masks(y)
        return logits, self.score(logits.detach().sigmoid(), features, whole), self.edges(y)

    @staticmethod
    def read(image: Tensor, hints: Tensor, context: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The raw arrays as scaled float planes: (n, 8, S, S) and (n, 5, 64, 64)."""
        colour = (image.permute(0, 3, 1, 2).float() - 115) / 60
        flag = numbers[:, 0].reshape(-1, 1, 1, 1).expand(-1, 1, image.shape[1], image.shape[2])
        x = torch.cat([colour, hints.float() / 255, flag], 1)
        planes = context.permute(0, 3, 1, 2).float()
        thumb = torch.cat([(planes[:, :3] - 115) / 60, planes[:, 3:] / 255], 1)
        return x.contiguous(memory_format=torch.channels_last), thumb.contiguous(memory_format=torch.channels_last)

    def score(self, masks: Tensor, features: Tensor, whole: Tensor) -> Tensor:
        """Predicted IoU (n, 3) from features under, just outside and away from each mask, and from its shape.

        masks (n, 3, S/2, S/2) in 0..1, without gradient; features (n, c, S/4, S/4); whole (n, k).
        """
        small = functional.avg_pool2d(masks, 2)
        ring = (functional.max_pool2d(small, 5, 1, 2) - small).clamp(min=0)
        flat = features.flatten(2).transpose(1, 2)  # (n, pixels, c)
        pooled = [
            torch.bmm(weight.flatten(2), flat) / (weight.sum((2, 3))[:, :, None] + 1)
            for weight in (small, ring, 1 - small)
        ]
        area = masks.mean((2, 3))
        rim = (
            masks[:, :, 0].mean(2) + masks[:, :, -1].mean(2) + masks[:, :, :, 0].mean(2) + masks[:, :, :, -1].mean(2)
        ) / 4
        unsure = (masks * (1 - masks)).mean((2, 3)) / (area + 0.01)
        shape = torch.stack([area, area.clamp(min=1e-3).log(), rim, unsure, ring.mean((2, 3)) / (area + 0.01)], 2)
        return self.judge(torch.cat([whole[:, None].expand(-1, MASKS, -1), *pooled, shape], 2))[..., 0]


def folded(network: Some) -> Some:
    """A copy in inference mode whose batch norms are multiplied into the convolutions."""
    plain = copy.deepcopy(network).eval()
    for block in [module for module in plain.modules() if isinstance(module, ConvNorm)]:
        block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    return plain
