"""The mask decoder with its gradients, and what it learns from clicks, boxes and corrections."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from benchmarks.golden.batches import Batch
from benchmarks.golden.start import HEADS
from torch import Tensor
from transformers import SamModel

from rubylith.engine.export.decoder import Attention, Layer

CELL = 4  # pixels of a mask per position of the embedding, along each side


def decode(model: SamModel, embedding: Tensor, sparse: Tensor, dense: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """All four masks of each prompt on one drawing, where `SamMaskDecoder.forward` gives the first or the others.

    embedding: (1, C, h, w). sparse: (P, N, C). dense: (1 or P, C, h, w). cells: (n,) of h * w, those that are drawn,
    16 pixels each. Returns logits (P, 4, 16 * n), see `in_cells`, and predicted IoU (P, 4). The same algebra as our
    export: what no prompt changes is made once.
    """
    tokens, queries, picture = _begin(model, embedding, sparse, dense)
    first, second = (Layer(layer, HEADS) for layer in model.mask_decoder.transformer.layers)
    position = _positions(model)
    placed = picture + position
    picture = first.told(picture, first.tell.from_projected(_heads(first.tell.q(placed)), queries + tokens, queries))
    placed = picture + position
    queries = _second_look(second, queries, tokens, placed, picture)
    picture = second.told(picture, second.tell.from_picture(placed, queries + tokens, queries))
    mixtures, scores = _end(model, queries, tokens, picture)
    return mixtures @ upscaled(model, picture[:, cells]), scores


def decode_untold(
    model: SamModel, embedding: Tensor, sparse: Tensor, dense: Tensor, cells: Tensor
) -> tuple[Tensor, Tensor]:
    """As `decode` while the tokens have nothing to tell the picture, so that it is drawn once for all prompts."""
    tokens, queries, picture = _begin(model, embedding, sparse, dense)
    first, second = (Layer(layer, HEADS) for layer in model.mask_decoder.transformer.layers)
    position = _positions(model)
    picture = first.source.layer_norm4(picture)
    queries = _second_look(second, queries, tokens, picture + position, picture)
    picture = second.source.layer_norm4(picture)
    mixtures, scores = _end(model, queries, tokens, picture)
    return mixtures @ upscaled(model, picture[:, cells]), scores


def _begin(model: SamModel, embedding: Tensor, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens as they come in, as they are after their first look, and the picture."""
    decoder = model.mask_decoder
    first = Layer(decoder.transformer.layers[0], HEADS)
    output = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = torch.cat([output.expand(len(sparse), -1, -1), sparse], 1)
    picture = (embedding + dense).flatten(2).transpose(1, 2)
    queries = first.source.layer_norm1(first.own.among_tokens(tokens, tokens))
    seen = _look(first.look, queries + tokens, picture + _positions(model), picture)
    return tokens, first.look_again(queries, seen), picture


def _second_look(layer: Layer, queries: Tensor, tokens: Tensor, placed: Tensor, picture: Tensor) -> Tensor:
    queries = layer.source.layer_norm1(queries + layer.own.among_tokens(queries + tokens, queries))
    return layer.look_again(queries, _look(layer.look, queries + tokens, placed, picture))


def _look(attention: Attention, queries: Tensor, placed: Tensor, picture: Tensor) -> Tensor:
    return attention.to_projected(queries, _heads(attention.k(placed)).transpose(2, 3), _heads(attention.v(picture)))


def _end(model: SamModel, queries: Tensor, tokens: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Mixtures (P, 4, c) of channels, and predicted IoU (P, 4)."""
    decoder = model.mask_decoder
    final = Attention(decoder.transformer.final_attn_token_to_image, HEADS)
    seen = _look(final, queries + tokens, picture + _positions(model), picture)
    queries = decoder.transformer.layer_norm_final_attn(queries + seen)
    mixtures = [mlp(queries[:, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)]
    return torch.stack(mixtures, 1), decoder.iou_prediction_head(queries[:, 0])


def _positions(model: SamModel) -> Tensor:
    """(1, hw, C)."""
    return model.get_image_wide_positional_embeddings().flatten(2).transpose(1, 2)


def upscaled(model: SamModel, picture: Tensor) -> Tensor:
    """The masks' channels (P, c, 16 * n) of the cells of a picture (P, n, C); each is made of its cell alone."""
    decoder = model.mask_decoder
    row = picture.transpose(1, 2)[:, :, None]  # (P, C, 1, n)
    row = _gelu(decoder.upscale_layer_norm(decoder.upscale_conv1(row)))
    return _gelu(decoder.upscale_conv2(row)).flatten(2)  # 4 rows of 4 * n pixels


def some_cells(masks: Tensor, share: float) -> Tensor:
    """Cells of masks (P, S, S), drawn at random; all of them in order for a share of 1."""
    count = (masks.shape[-1] // CELL) ** 2
    return torch.arange(count) if share == 1 else torch.randperm(count)[: int(count * share)]


def in_cells(masks: Tensor, cells: Tensor) -> Tensor:
    """Masks (P, S, S) in the order of `upscaled`: (P, 16 * n)."""
    blocks = masks.unflatten(2, (-1, CELL)).unflatten(1, (-1, CELL))  # (P, h, 4, w, 4)
    chosen = blocks.transpose(2, 3).flatten(1, 2)[:, cells]  # (P, n, 4, 4)
    return chosen.transpose(1, 2).flatten(1)


def from_cells(rows: Tensor) -> Tensor:
    """All cells' pixels (..., S * S) in the order of `upscaled` → (..., S, S)."""
    side = math.isqrt(rows.shape[-1]) // CELL
    blocks = rows.unflatten(-1, (CELL, side, side, CELL))  # (..., 4, h, w, 4)
    return blocks.movedim(-4, -3).flatten(-2).flatten(-3, -2)


class Gelu(torch.autograd.Function):
    """PyTorch's, with a gradient good to 1e-3 at a third of the time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """GELU(x)."""
        ctx.save_for_backward(x)
        return F.gelu(x)

    @staticmethod
    def backward(ctx: Any, given: Tensor) -> Tensor:
        """Of the approximation by a hyperbolic tangent."""
        (x,) = ctx.saved_tensors
        squared = x * x
        told = torch.tanh(x * (0.7978846 + 0.0356774 * squared))
        slope = 0.5 + 0.5 * told + x * (1 - told * told) * (0.3989423 + 0.0535161 * squared)
        return given * slope


_gelu = Gelu.apply


def _heads(x: Tensor) -> Tensor:
    return x.unflatten(2, (HEADS, -1)).transpose(1, 2)


def embed_prompts(model: SamModel, batch: Batch) -> Tensor:
    """(B, P, 2, C): a click and its padding, or, for the last third of prompts, the two corners of a box."""
    encoder = model.prompt_encoder
    ones = torch.ones(batch.points.shape[:2], dtype=torch.int64)
    clicks = encoder._embed_points(batch.points[:, :, None], ones[:, :, None], pad=True)
    corners = encoder._embed_boxes(batch.boxes)
    return torch.where(is_box(batch)[None, :, None, None], corners, clicks)


def is_box(batch: Batch) -> Tensor:
    """(P,) bool: which prompts are boxes."""
    prompts = batch.points.shape[1]
    return torch.arange(prompts) >= prompts * 2 // 3


def losses(logits: Tensor, scores: Tensor, truth: Tensor, balance: float) -> Tensor:
    """Of four masks per prompt the first and the best of the others learn most; all learn to know their IoU.

    logits: (P, 4, n). scores: (P, 4). truth: (P, n). balance: how much objects count beyond their area.
    """
    target = truth[:, None].expand(-1, 4, -1)
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    inside = (cross * target).sum(2) / target.sum(2).clamp(min=8)
    outside = (cross * (1 - target)).sum(2) / (1 - target).sum(2).clamp(min=8)
    shares = torch.sigmoid(logits)
    dice = 1 - (2 * (shares * target).sum(2) + 1) / (shares.sum(2) + target.sum(2) + 1)
    each = balance * (inside + outside) + 8 * cross.mean(2) + dice  # (P, 4)
    with torch.no_grad():
        cut, object_ = logits > 0, target > 0.5
        iou = (cut & object_).sum(2) / (cut | object_).sum(2).clamp(min=1)
    best = each[:, 1:].min(1).values + 0.3 * each[:, 1:].mean(1)
    return (each[:, 0] + best).mean() + F.mse_loss(scores, iou)


def corrected(truth: Tensor, logits: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A further click for each prompt inside what is wrong so far: (P, 1, 1, 2) points, (P, 1, 1) labels."""
    objects = (truth > 0.5).numpy()
    wrong = (logits > 0).numpy() != objects
    points, labels = np.zeros((len(wrong), 1, 1, 2), np.float32), np.full((len(wrong), 1, 1), -10, np.int64)
    for index, errors in enumerate(wrong):
        candidates = np.flatnonzero(errors if errors.any() else objects[index])
        if candidates.size:
            row, column = divmod(int(rng.choice(candidates)), truth.shape[-1])
            points[index, 0, 0] = column, row
            labels[index] = int(objects[index, row, column])
    return torch.from_numpy(points), torch.from_numpy(labels)


def untold_loss(model: SamModel, batch: Batch, balance: float) -> Tensor:
    """Of clicks and boxes while the tokens have nothing to tell the picture, on a third of the cells."""
    embeddings = model.vision_encoder(batch.pixels).last_hidden_state
    nothing = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
    total = torch.zeros(())
    for embedding, tokens, truth in zip(embeddings[:, None], embed_prompts(model, batch), batch.truth, strict=True):
        cells = some_cells(truth, 1 / 3)
        total = total + losses(
            *decode_untold(model, embedding, tokens, nothing, cells), in_cells(truth, cells), balance
        )
    return total / len(batch.pixels)


def told_loss(model: SamModel, batch: Batch, rng: np.random.Generator, *, balance: float, again: bool) -> Tensor:
    """Of clicks and boxes; `again`: also of a second round with a corrective click and mostly the first logits."""
    embeddings = model.vision_encoder(batch.pixels).last_hidden_state
    sparse = embed_prompts(model, batch)
    nothing = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
    total = torch.zeros(())
    for embedding, tokens, truth in zip(embeddings[:, None], sparse, batch.truth, strict=True):
        cells = some_cells(truth, 1 if again else 1 / 2)
        target = in_cells(truth, cells)
        logits, scores = decode(model, embedding, tokens, nothing, cells)
        total = total + losses(logits, scores, target, balance)
        if again:
            pick = 1 + scores[:, 1:].argmax(1)
            previous = from_cells(logits.detach()[torch.arange(len(logits)), pick])
            points, labels = corrected(truth, previous, rng)
            extra = model.prompt_encoder._embed_points(points, labels, pad=False)[:, 0]
            dense = model.prompt_encoder.mask_embed(previous[:, None].clamp(-20, 20))
            dense = torch.where(torch.arange(len(dense))[:, None, None, None] % 3 > 0, dense, nothing)
            second = decode(model, embedding, torch.cat([extra, tokens], 1), dense, cells)
            total = total + losses(*second, target, balance)
    return total / len(batch.pixels)
