# pyright: basic, reportMissingImports=false
"""TinyViT as MobileSAM uses it: four stages, the last two of the same size, and SAM's neck.

Sources: Wu et al., TinyViT (ECCV 2022); ChaoningZhang/MobileSAM, modeling/tiny_vit_sam.py, whose parameter names are
kept so that its checkpoints load as they are. Written for reading a checkpoint, not for training.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Normed(nn.Sequential):
    """A convolution without bias, then batch normalisation; names `c` and `bn`."""

    def __init__(self, old: int, new: int, size: int = 1, stride: int = 1, *, groups: int = 1) -> None:
        super().__init__()
        self.add_module("c", nn.Conv2d(old, new, size, stride, size // 2, groups=groups, bias=False))
        self.add_module("bn", nn.BatchNorm2d(new))


class PatchEmbed(nn.Module):
    """(B, 3, H, W) → (B, C, H / 4, W / 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(Normed(3, channels // 2, 3, 2), nn.GELU(), Normed(channels // 2, channels, 3, 2))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.seq(x)


class Mobile(nn.Module):
    """Widen, look around, narrow; with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 4 * channels
        self.conv1 = Normed(channels, wide)
        self.conv2 = Normed(wide, wide, 3, groups=wide)
        self.conv3 = Normed(wide, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same."""
        wide = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(wide))


class Merging(nn.Module):
    """More channels, and with `stride` 2 half the side."""

    def __init__(self, old: int, new: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Normed(old, new)
        self.conv2 = Normed(new, new, 3, stride, groups=new)
        self.conv3 = Normed(new, new)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H / stride, W / stride)."""
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class Attention(nn.Module):
    """Self-attention in a window, with a bias for each distance across and down."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.width = heads, channels // heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        places = list(itertools.product(range(window), repeat=2))
        numbers: dict[tuple[int, int], int] = {}  # of distances, in the order they are met
        index = [numbers.setdefault((abs(a[0] - b[0]), abs(a[1] - b[1])), len(numbers)) for a in places for b in places]
        self.attention_biases = nn.Parameter(torch.zeros(heads, len(numbers)))
        self.register_buffer("index", torch.tensor(index).view(len(places), len(places)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(windows, places, C) → the same."""
        count, places, channels = x.shape
        parts = self.qkv(self.norm(x)).view(count, places, self.heads, 3 * self.width).transpose(1, 2)
        q, k, v = parts.split(self.width, dim=3)
        weights = torch.softmax(q @ k.transpose(2, 3) * self.width**-0.5 + self.attention_biases[:, self.index], -1)
        return self.proj((weights @ v).transpose(1, 2).reshape(count, places, channels))


class Mlp(nn.Module):
    """Normalise, widen four times, narrow."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → the same."""
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


class Block(nn.Module):
    """Attention in windows, a local convolution, an MLP."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = Attention(channels, heads, window)
        self.mlp = Mlp(channels)
        self.local_conv = Normed(channels, channels, 3, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same."""
        x = x + self._in_windows(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.local_conv(x)
        return x + self.mlp(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def _in_windows(self, x: Tensor) -> Tensor:
        """x: (B, H, W, C), padded below and to the right where windows do not fit."""
        batch, height, width, channels = x.shape
        w = self.window
        x = F.pad(x, (0, 0, 0, -width % w, 0, -height % w))
        rows, columns = x.shape[1] // w, x.shape[2] // w
        x = x.view(batch, rows, w, columns, w, channels).transpose(2, 3)
        x = self.attn(x.reshape(-1, w * w, channels)).view(batch, rows, columns, w, w, channels)
        x = x.transpose(2, 3).reshape(batch, rows * w, columns * w, channels)
        return x[:, :height, :width]


class Stage(nn.Module):
    """Blocks, then merging unless it is the last."""

    def __init__(self, blocks: list[nn.Module], merging: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = merging

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the next stage's."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        normed = F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],), self.weight, self.bias, 1e-6)
        return normed.permute(0, 3, 1, 2)


class TinyViT(nn.Module):
    """(B, 3, side, side) → (B, embedding, side / 16, side / 16).

    channels, depths, heads, windows: per stage. The classifier's weights, which checkpoints carry, are not used.
    """

    def __init__(
        self,
        channels: tuple[int, ...] = (64, 128, 160, 320),
        depths: tuple[int, ...] = (2, 2, 6, 2),
        heads: tuple[int, ...] = (2, 4, 5, 10),
        windows: tuple[int, ...] = (7, 7, 14, 7),
        embedding: int = 256,
        *,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(channels[0])
        strides = (2, 2, 1)
        stages: list[nn.Module] = []
        for i, depth in enumerate(depths):
            one = [Mobile(channels[0]) if i == 0 else Block(channels[i], heads[i], windows[i]) for _ in range(depth)]
            stages.append(Stage(one, Merging(channels[i], channels[i + 1], strides[i]) if i < 3 else None))
        self.layers = nn.ModuleList(stages)
        self.norm_head = nn.LayerNorm(channels[-1])
        self.head = nn.Linear(channels[-1], classes)
        self.neck = nn.Sequential(
            nn.Conv2d(channels[-1], embedding, 1, bias=False),
            ChannelNorm(embedding),
            nn.Conv2d(embedding, embedding, 3, padding=1, bias=False),
            ChannelNorm(embedding),
        )

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        x = self.patch_embed(pixel_values)
        for stage in self.layers:
            x = stage(x)
        return (self.neck(x),)
