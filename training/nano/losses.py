"""What the network is asked for: masks for every level at the click, honest scores, and the right choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.nano.stream import StreamConfig


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each part counts beside the best mask's own loss."""

    other_level: float = 0.5
    all_masks: float = 0.05
    score: float = 1.5
    choice: float = 0.4
    edges: float = 0.3
    temperature: float = 0.1


Summary = dict[str, float]  # what a log line tells of a step, by name


@dataclass(frozen=True, slots=True)
class Measured:
    """The loss and, without gradient, what a log line tells."""

    loss: Tensor
    mask_loss: Tensor
    chosen: Tensor  # (rows,) IoU of the mask with the best predicted IoU
    best: Tensor  # (rows,) IoU of the best mask
    score_error: Tensor

    def summary(self, config: StreamConfig) -> Summary:
        """Means over the clicks, boxes and corrections of a batch; 0 where it has none."""
        clicks, later = 2 * config.click_pairs, config.rows - config.corrections
        parts = {
            "click": self.chosen[:clicks],
            "best3": self.best[:clicks],
            "box": self.chosen[clicks:later],
            "later": self.chosen[later:],
        }
        means = {name: part.mean().item() if part.numel() else 0.0 for name, part in parts.items()}
        return {"mask": self.mask_loss.item(), **means, "score": self.score_error.item()}


def mask_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice of each mask against each target.

    logits (n, m, S, S); targets (n, t, S, S) of 0 and 1. Returns (n, m, t).
    """
    logits, targets = logits.flatten(2), targets.flatten(2).transpose(1, 2)
    chance = logits.sigmoid()
    cross_entropy = (functional.softplus(logits).sum(2, keepdim=True) - torch.bmm(logits, targets)) / logits.shape[2]
    overlap, areas = torch.bmm(chance, targets), chance.sum(2, keepdim=True) + targets.sum(1, keepdim=True)
    return cross_entropy + 1 - (2 * overlap + 1) / (areas + 1)


def true_ious(logits: Tensor, target: Tensor, whole: Tensor) -> Tensor:
    """IoU (n, m) of each mask with the whole object, of which only a part may lie in the crop.

    target (n, S, S) of 0 and 1; whole (n,) the object's area in crop pixels.
    """
    hard = (logits > 0).float().flatten(2)
    overlap = torch.bmm(hard, target.flatten(1)[:, :, None])[..., 0]
    return overlap / (hard.sum(2) + whole[:, None] - overlap).clamp(min=1)


def choice_regret(scores: Tensor, ious: Tensor, groups: Tensor, temperature: float) -> Tensor:
    """How much IoU a soft choice by predicted IoU loses against the best candidate, a mean over groups.

    scores, ious (n, m); groups (g, k) rows whose candidates compete: the crops of one click.
    """
    scores, ious = scores[groups].flatten(1), ious[groups].flatten(1)
    return (ious.max(1).values - (torch.softmax(scores / temperature, 1) * ious).sum(1)).mean()


def measure(
    outputs: tuple[Tensor, Tensor, Tensor], batch: dict[str, Tensor], config: StreamConfig, weights: LossWeights
) -> Measured:
    """The training loss of a batch; `outputs` as of `Nano.forward_with_edges` with logits at full size."""
    logits, scores, edge_logits = outputs
    targets, numbers = batch["targets"].float(), batch["numbers"]
    visible, has_other = numbers[:, 3], numbers[:, 4]
    losses = mask_losses(logits, targets)
    meant, other = losses[:, :, 0], losses[:, :, 1]
    best = meant.min(1).values
    masks = best + weights.all_masks * meant.mean(1) + weights.other_level * has_other * other.min(1).values
    with torch.no_grad():
        ious = true_ious(logits, targets[:, 0], numbers[:, 2] * logits.shape[2] * logits.shape[3])
    score_error = functional.mse_loss(scores, ious)
    pairs = torch.arange(2 * config.click_pairs).view(-1, 2)
    singles = torch.arange(2 * config.click_pairs, len(scores)).view(-1, 1)
    regret = choice_regret(scores, ious, pairs, weights.temperature) + choice_regret(
        scores, ious, singles, weights.temperature
    )
    edges = functional.binary_cross_entropy_with_logits(edge_logits, batch["edges"].float())
    loss = (masks * visible).mean() + weights.score * score_error + weights.choice * regret + weights.edges * edges
    chosen = ious.gather(1, scores.argmax(1, keepdim=True))[:, 0]
    return Measured(loss, best.mean().detach(), chosen, ious.max(1).values, score_error.detach())
