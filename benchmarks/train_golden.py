"""Trains the golden model: a SAM of under a million parameters that knows drawings, so that tests can be about masks.

    python benchmarks/train_golden.py --out tests/fixtures/golden

Needs the extra `torch` (PyTorch and transformers). Everything it learns from is drawn here, from a seed; with the same
versions on the same kind of processor it gives the same weights. The architecture is transformers' `SamModel` from a
small configuration, so that every code path of the real models is used.

Three things make it learn in minutes what takes random weights hours. It begins with colours passed through from the
patches to the masks' channels, and with attention that looks where the click is. At first only the encoder and the
upscaler learn, from many clicks per drawing whose masks a throw-away head makes of the patch that was clicked. Then the
mask decoder learns with them, from clicks, boxes and corrections.
"""

import argparse
import itertools
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import SamConfig, SamModel

SIZE, PATCH, WIDTH = 128, 8, 96  # pixels of the square, of a patch; channels
LOW = SIZE // PATCH * 4  # mask logits per side
RATE = 1.5e-3
CLICKS, PROMPTS = 24, 9  # per drawing: for the throw-away head, for the decoder
SMALLEST = 24  # pixels of the square that must be seen of a shape that is clicked
PADDING = 255  # as a label: not part of the drawing
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


def configuration() -> SamConfig:
    """The small architecture."""
    vision = {
        "hidden_size": WIDTH,
        "output_channels": WIDTH,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": SIZE,
        "patch_size": PATCH,
        "mlp_ratio": 3.0,
        "window_size": 8,
        "global_attn_indexes": [1, 3],
        "num_pos_feats": WIDTH // 2,
        "use_rel_pos": False,
        "initializer_range": 0.02,
    }
    prompt = {"hidden_size": WIDTH, "image_size": SIZE, "patch_size": PATCH, "mask_input_channels": 16}
    decoder = {"hidden_size": WIDTH, "mlp_dim": 256, "num_attention_heads": 4, "iou_head_hidden_dim": WIDTH}
    return SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)


# drawings


@dataclass(frozen=True)
class Drawing:
    """pixels: (H, W, 3) uint8 RGB. labels: (H, W) int32, 0 is the ground, 1..n the visible part of each shape."""

    pixels: np.ndarray
    labels: np.ndarray


def draw(rng: np.random.Generator, height: int, width: int) -> Drawing:
    """Shapes on a ground: flat, shaded or patterned fills, some outlined; later ones cover earlier ones."""
    pixels = _shade(rng, height, width, rng.integers(20, 256, (2, 3)))
    labels = np.zeros((height, width), np.int32)
    for index in range(1, 1 + int(rng.integers(4, 11))):
        outline = _outline(rng, height, width)
        shape = np.zeros((height, width), np.uint8)
        cv2.fillPoly(shape, [outline], 1)
        inside = shape.astype(bool)
        x, y, w, h = cv2.boundingRect(shape)
        if not w:
            continue
        window = np.s_[y : y + h, x : x + w]
        pixels[window][inside[window]] = _fill(rng, h, w)[inside[window]]
        labels[inside] = index
        if rng.random() < 0.4:
            dark = tuple(int(v) for v in rng.integers(0, 60, 3))
            cv2.polylines(pixels, [outline], isClosed=True, color=dark, thickness=int(rng.integers(1, 3)))
    if rng.random() < 0.3:
        noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(rng.uniform(1, 8))
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return Drawing(pixels, labels)


def _outline(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A closed polygon (N, 1, 2) int32: ellipse, rectangle, star, blob or random polygon, turned and placed."""
    scale = min(height, width) * math.exp(rng.uniform(math.log(0.05), math.log(0.26)))
    axes = np.array([scale, scale * rng.uniform(0.4, 1.0)])
    kind = rng.integers(0, 5)
    if kind == 0:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radii = np.ones(48)
    elif kind == 1:
        corner = rng.uniform(0.3, 1.2)
        angles = np.array([corner, np.pi - corner, np.pi + corner, -corner])
        radii = np.ones(4)
    elif kind == 2:
        tips = int(rng.integers(5, 10))
        angles = np.linspace(0, 2 * np.pi, 2 * tips, endpoint=False)
        radii = np.where(np.arange(2 * tips) % 2, rng.uniform(0.4, 0.7), 1.0)
        axes = np.array([scale, scale])
    elif kind == 3:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radii = 1 + 0.25 * np.sin(angles * rng.integers(2, 5) + rng.uniform(0, 6)) * rng.uniform(0.3, 1)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
        radii = rng.uniform(0.7, 1.2, angles.size)
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None] * axes
    turn = rng.uniform(0, 2 * np.pi)
    points = points @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    centre = rng.uniform([0, 0], [width, height])
    return np.round(points + centre).astype(np.int32)[:, None]


def _shade(rng: np.random.Generator, height: int, width: int, colours: np.ndarray) -> np.ndarray:
    """A linear gradient between two colours, (H, W, 3) uint8."""
    turn = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    along = math.cos(turn) * columns / width + math.sin(turn) * rows / height
    along = (along - along.min()) / max(float(np.ptp(along)), 1e-6)
    return (colours[0] + along[..., None] * (colours[1] - colours[0])).astype(np.uint8)


def _fill(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8: one colour, a soft gradient, stripes or a checkerboard of two near colours."""
    colour = rng.integers(0, 256, 3)
    kind = rng.random()
    if kind < 0.45:
        return np.broadcast_to(colour.astype(np.uint8), (height, width, 3))
    other = np.clip(colour + rng.integers(-60, 61, 3), 0, 255)
    if kind < 0.6:
        return _shade(rng, height, width, np.stack([colour, other]))
    rows, columns = np.mgrid[0:height, 0:width]
    turn, period = rng.uniform(0, np.pi), rng.uniform(1.5, 7)
    wave = np.floor((math.cos(turn) * columns + math.sin(turn) * rows) / period)
    if kind > 0.9:
        wave += np.floor((math.sin(turn) * columns - math.cos(turn) * rows) / period)
    return np.where(wave[..., None] % 2 == 0, colour, other).astype(np.uint8)


# batches


@dataclass(frozen=True)
class Pool:
    """N drawings on the square, top left. pixels: (N, SIZE, SIZE, 3) uint8. labels: (N, SIZE, SIZE) uint8."""

    pixels: np.ndarray
    labels: np.ndarray


def draw_pool(rng: np.random.Generator, count: int) -> Pool:
    """Fresh drawings of random proportions, drawn twice as large and reduced."""
    pixels = np.zeros((count, SIZE, SIZE, 3), np.uint8)
    labels = np.full((count, SIZE, SIZE), PADDING, np.uint8)
    for index in range(count):
        long, short = 2 * SIZE, 2 * int(rng.integers(SIZE * 5 // 8, SIZE + 1))
        drawing = draw(rng, *((short, long) if rng.random() < 0.7 else (long, short)))
        height, width = drawing.labels.shape[0] // 2, drawing.labels.shape[1] // 2
        pixels[index, :height, :width] = cv2.resize(drawing.pixels, (width, height), interpolation=cv2.INTER_AREA)
        labels[index, :height, :width] = drawing.labels[1::2, 1::2]
    return Pool(pixels, labels)


@dataclass(frozen=True)
class Batch:
    """B drawings with K prompts each; pixels of the square.

    pixels: (B, 3, SIZE, SIZE) normalised. truth: (B, K, LOW, LOW) the share of each cell that the object covers. points
    and boxes: (B, K, 2) and (B, K, 4) XYXY, of the same objects.
    """

    pixels: Tensor
    truth: Tensor
    points: Tensor
    boxes: Tensor


def make_batch(rng: np.random.Generator, pool: Pool, chosen: np.ndarray, prompts: int) -> Batch:
    """The chosen drawings turned over and recoloured at random, and something to click on in each."""
    count = len(chosen)
    pixels, truth = np.zeros((count, SIZE, SIZE, 3), np.float32), np.zeros((count, prompts, LOW, LOW), np.float32)
    points, boxes = np.zeros((count, prompts, 2), np.float32), np.zeros((count, prompts, 4), np.float32)
    for b, index in enumerate(chosen):
        colours, labels = _varied(rng, pool.pixels[index], pool.labels[index])
        height, width = labels.shape
        pixels[b, :height, :width] = (colours / np.float32(255) - MEAN) / STD
        areas = np.bincount(labels.ravel())
        shapes = 1 + np.flatnonzero(areas[1:] >= SMALLEST)
        for p in range(prompts):
            label = 0 if rng.random() < 0.12 or not shapes.size else int(rng.choice(shapes))
            square = np.zeros((SIZE, SIZE), np.uint8)
            square[:height, :width] = labels == label
            truth[b, p] = square.reshape(LOW, SIZE // LOW, LOW, SIZE // LOW).mean((1, 3))
            points[b, p], boxes[b, p] = _click(rng, square), _box(rng, square)
    as_input = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return Batch(*(torch.from_numpy(array) for array in (as_input, truth, points, boxes)))


def _varied(rng: np.random.Generator, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flipped, turned, with exchanged and negated colours; without padding."""
    height, width = (int(n) for n in ((labels[:, 0] != PADDING).sum(), (labels[0] != PADDING).sum()))
    pixels, labels = pixels[:height, :width, rng.permutation(3)], labels[:height, :width]
    for axis in (0, 1):
        if rng.random() < 0.5:
            pixels, labels = np.flip(pixels, axis), np.flip(labels, axis)
    if rng.random() < 0.3:
        pixels, labels = pixels.transpose(1, 0, 2), labels.T
    return np.abs(rng.integers(0, 2, 3) * 255 - pixels.astype(np.int32)), labels


def _click(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """A random pixel inside, half of the time one of the inner half. (2,) float x, y."""
    if rng.random() < 0.5:
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
        mask = depth >= depth.max() * 0.5
    inside = np.flatnonzero(mask)
    row, column = divmod(int(rng.choice(inside)), SIZE) if inside.size else (0, 0)
    return np.array([column, row], np.float32)


def _box(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The tight box with each edge moved by up to a twentieth of its side. (4,) float XYXY."""
    x, y, width, height = cv2.boundingRect(mask)
    moved = rng.normal(0, 0.02, 4).clip(-0.05, 0.05) * [width, height, width, height]
    return np.array([x, y, x + width, y + height], np.float32) + moved.astype(np.float32)


# the start


def new_model() -> SamModel:
    """Random weights that let colours through; transformers' own start is meant to be overwritten by a checkpoint."""
    model = SamModel(configuration())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ("embed" in name and weight.dim() == 2) or "tokens" in name or "iou_token" in name:
                weight.normal_(0, 0.5 if "embed" in name else 0.02)
            elif weight.dim() >= 2:
                nn.init.xavier_uniform_(weight)
        position = model.shared_image_embedding.positional_embedding
        position.normal_(0, 2.5)
        position.requires_grad_(requires_grad=False)
        _look_where_the_click_is(model)
        _let_colours_through(model)
    return model


def _look_where_the_click_is(model: SamModel) -> None:
    """The same projection of queries and keys between tokens and picture: their product grows with nearness."""
    transformer = model.mask_decoder.transformer
    pairs = [(layer.cross_attn_token_to_image, layer.cross_attn_image_to_token) for layer in transformer.layers]
    for attention in (*(one for pair in pairs for one in pair), transformer.final_attn_token_to_image):
        attention.q_proj.weight.mul_(1.5)
        attention.k_proj.weight.copy_(attention.q_proj.weight)
    for _, told in pairs:
        told.out_proj.weight.mul_(0.1)


def _let_colours_through(model: SamModel) -> None:
    """Half of the channels begin as the colours of a patch's 4 x 4 cells, and come out as ridges over colour."""
    encoder, decoder = model.vision_encoder, model.mask_decoder
    patch, half = encoder.patch_embed.projection, WIDTH // 2
    patch.bias.zero_()
    patch.weight[:half] = 0
    encoder.pos_embed.normal_(0, 0.1)
    encoder.pos_embed[..., :half] = 0
    for layer in encoder.layers:
        layer.attn.proj.weight.mul_(0.3)
        layer.mlp.lin2.weight.mul_(0.3)
    for convolution in (encoder.neck.conv1, encoder.neck.conv2):
        middle = convolution.kernel_size[0] // 2
        convolution.weight.normal_(0, 0.01)
        convolution.weight[:, :, middle, middle] += torch.eye(WIDTH)
    first, second = decoder.upscale_conv1, decoder.upscale_conv2
    first.weight.normal_(0, 0.03)
    second.weight.normal_(0, 0.03)
    ridges = F.normalize(torch.randn(second.out_channels, 3), dim=1)
    for row, column, colour in itertools.product(range(4), range(4), range(3)):
        channel = (row * 4 + column) * 3 + colour
        patch.weight[channel, colour, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 0.25
        kept = (row % 2 * 2 + column % 2) * 3 + colour
        for sign, offset in ((1, 0), (-1, 12)):  # both signs, because the activation lets only one pass
            first.weight[channel, kept + offset, row // 2, column // 2] += sign
            second.weight[kept + offset, :, row % 2, column % 2] += sign * ridges[:, colour]
    second.bias.uniform_(-0.75, 0.75)


class Head(nn.Module):
    """Thrown away after training: the patch that was clicked, and where → a mask as a mixture of channels."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (2 * WIDTH, 2 * WIDTH, WIDTH, WIDTH // 8 + 1)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, model: SamModel, embeddings: Tensor, points: Tensor) -> Tensor:
        """embeddings: (B, C, h, w). points: (B, K, 2). Returns logits (B, K, LOW, LOW)."""
        decoder = model.mask_decoder
        channels = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(embeddings)))
        channels = decoder.activation(decoder.upscale_conv2(channels))
        place = model.shared_image_embedding(points[:, :, None] + 0.5, (SIZE, SIZE))[:, :, 0]
        cells = (points / PATCH).long()
        clicked = embeddings[torch.arange(len(points))[:, None], :, cells[..., 1], cells[..., 0]]
        x = torch.cat([clicked, place], -1)
        for layer in self.layers[:-1]:
            x = F.gelu(layer(x))
        mixture = self.layers[-1](x)
        return torch.einsum("bkc,bchw->bkhw", mixture[..., :-1], channels) + mixture[..., -1:, None]


# learning


def decode_all(model: SamModel, embeddings: Tensor, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
    """All four masks of each prompt at once, where `SamMaskDecoder.forward` gives the first or the other three.

    embeddings, dense: (N, C, h, w), one row per prompt. sparse: (N, T, C). Returns (N, 4, low, low) and (N, 4).
    """
    decoder = model.mask_decoder
    output = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = torch.cat([output.expand(len(sparse), -1, -1), sparse], 1)[:, None]
    position = model.get_image_wide_positional_embeddings().expand(len(sparse), -1, -1, -1)
    queries, keys = decoder.transformer(tokens, embeddings + dense, position, None)
    image = keys.transpose(2, 3).reshape(embeddings.shape)
    image = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(image)))
    image = decoder.activation(decoder.upscale_conv2(image))
    heads = [mlp(queries[:, 0, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)]
    masks = torch.einsum("nkc,nchw->nkhw", torch.stack(heads, 1), image)
    return masks.float(), decoder.iou_prediction_head(queries[:, 0, 0])


def embed_prompts(model: SamModel, batch: Batch) -> Tensor:
    """(B * P, 2, C): a click and its padding, or, for the last third of prompts, the two corners of a box."""
    encoder = model.prompt_encoder
    ones = torch.ones(batch.points.shape[:2], dtype=torch.int64)
    clicks = encoder._embed_points(batch.points[:, :, None], ones[:, :, None], pad=True)
    corners = encoder._embed_boxes(batch.boxes)
    return torch.where(is_box(batch)[None, :, None, None], corners, clicks).flatten(0, 1)


def is_box(batch: Batch) -> Tensor:
    """(P,) bool: which prompts are boxes."""
    prompts = batch.points.shape[1]
    return torch.arange(prompts) >= prompts * 2 // 3


def losses(logits: Tensor, scores: Tensor, truth: Tensor) -> Tensor:
    """Of four masks per prompt the first and the best of the others learn most; all learn to know their IoU.

    logits: (N, 4, low, low). scores: (N, 4). truth: (N, low, low).
    """
    target = truth[:, None].expand_as(logits)
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none").flatten(2)
    hardness = (torch.sigmoid(logits.detach()) - target).abs().flatten(2)
    focal = (cross * (0.1 + hardness)).mean(2)
    shares = torch.sigmoid(logits).flatten(2)
    overlap = (shares * target.flatten(2)).sum(2)
    dice = 1 - (2 * overlap + 1) / (shares.sum(2) + target.flatten(2).sum(2) + 1)
    each = 10 * focal + dice  # (N, 4)
    with torch.no_grad():
        cut, object_ = (logits > 0).flatten(2), (target > 0.5).flatten(2)
        iou = (cut & object_).sum(2) / (cut | object_).sum(2).clamp(min=1)
    best = each[:, 1:].min(1).values + 0.1 * each[:, 1:].mean(1)
    return (each[:, 0] + best).mean() + 2 * F.mse_loss(scores, iou)


def corrected(batch: Batch, logits: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A further click for each prompt inside what is wrong so far: (N, 1, 1, 2) points, (N, 1, 1) labels."""
    pixel = SIZE / LOW
    wrong = ((logits > 0) != (batch.truth.flatten(0, 1) > 0.5)).numpy()
    truth = (batch.truth.flatten(0, 1) > 0.5).numpy()
    points, labels = np.zeros((len(wrong), 1, 1, 2), np.float32), np.full((len(wrong), 1, 1), -10, np.int64)
    for index, errors in enumerate(wrong):
        candidates = np.flatnonzero(errors if errors.any() else truth[index])
        if candidates.size:
            row, column = divmod(int(rng.choice(candidates)), LOW)
            points[index, 0, 0] = (column + 0.5) * pixel - 0.5, (row + 0.5) * pixel - 0.5
            labels[index] = int(truth[index, row, column])
    return torch.from_numpy(points), torch.from_numpy(labels)


def head_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Of the throw-away head: object and ground count alike, then overlap. Both (B, K, LOW, LOW)."""
    inside, outside = truth.flatten(2), 1 - truth.flatten(2)
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").flatten(2)
    share = inside / inside.sum(2, keepdim=True).clamp(min=8) + outside / outside.sum(2, keepdim=True).clamp(min=8)
    shares = torch.sigmoid(logits).flatten(2)
    dice = 1 - (2 * (shares * inside).sum(2) + 1) / (shares.sum(2) + inside.sum(2) + 1)
    return (0.5 * (cross * share).sum(2) + 5 * cross.mean(2) + dice).mean()


def decoder_loss(model: SamModel, embeddings: Tensor, batch: Batch, rng: np.random.Generator, *, again: bool) -> Tensor:
    """Of clicks and boxes; `again`: also of a second round with a corrective click and the first round's logits."""
    prompts = batch.points.shape[1]
    embeddings = embeddings.repeat_interleave(prompts, 0)
    sparse = embed_prompts(model, batch)
    nothing = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(embeddings)
    logits, scores = decode_all(model, embeddings, sparse, nothing)
    truth = batch.truth.flatten(0, 1)
    loss = losses(logits, scores, truth)
    if again:
        pick = 1 + scores[:, 1:].argmax(1)
        previous = logits.detach()[torch.arange(len(logits)), pick].clamp(-20, 20)
        points, labels = corrected(batch, previous, rng)
        extra = model.prompt_encoder._embed_points(points, labels, pad=False)[:, 0]
        dense = model.prompt_encoder.mask_embed(previous[:, None])
        second = decode_all(model, embeddings, torch.cat([extra, sparse], 1), dense)
        loss = loss + losses(*second, truth)
    return loss


@torch.no_grad()
def check(model: SamModel, head: Head, batch: Batch) -> str:
    """Mean IoU on drawings that are not learnt from: of the head, and of the mask that the model likes best."""
    embeddings = model.vision_encoder(batch.pixels).last_hidden_state
    quick = _iou(head(model, embeddings, batch.points), batch.truth).mean()
    prompts = batch.points.shape[1]
    embeddings = embeddings.repeat_interleave(prompts, 0)
    nothing = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(embeddings)
    logits, scores = decode_all(model, embeddings, embed_prompts(model, batch), nothing)
    picked = logits[torch.arange(len(logits)), 1 + scores[:, 1:].argmax(1)].unflatten(0, (-1, prompts))
    iou, boxed = _iou(picked, batch.truth), is_box(batch)
    return f"head {quick:.3f} click {iou[:, ~boxed].mean():.3f} box {iou[:, boxed].mean():.3f}"


def _iou(logits: Tensor, truth: Tensor) -> Tensor:
    """(B, K) of (B, K, LOW, LOW)."""
    cut, object_ = (logits > 0).flatten(2), (truth > 0.5).flatten(2)
    return (cut & object_).sum(2) / (cut | object_).sum(2).clamp(min=1)


def train(warm_up: int, steps: int, drawings: int, seed: int, out: Path) -> None:
    """Learn for so many steps, the first of them without the decoder; save now and then and at the end."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model, head = new_model(), Head()
    weights = [p for module in (model, head) for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.02, betas=(0.9, 0.98))
    pool = draw_pool(rng, drawings)
    unseen = make_batch(rng, draw_pool(rng, 32), np.arange(32), PROMPTS)
    began, mean = time.perf_counter(), 0.0
    for index in range(steps):
        rate = RATE * min(1, (index + 1) / 200, (steps - index) / (0.5 * steps) + 0.01)
        for group in optimizer.param_groups:
            group["lr"] = rate
        chosen = rng.integers(0, drawings, 8 if index < warm_up else 4)
        batch = make_batch(rng, pool, chosen, CLICKS if index < warm_up else PROMPTS)
        embeddings = model.vision_encoder(batch.pixels).last_hidden_state
        loss = head_loss(head(model, embeddings, batch.points), batch.truth)
        if index >= warm_up:
            again = index > steps // 2 and index % 3 == 0
            loss = 0.3 * loss + decoder_loss(model, embeddings, batch, rng, again=again)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        mean += (loss.item() - mean) / min(index + 1, 50)
        if index % 250 == 0 or index + 1 == steps:
            quality, seconds = check(model, head, unseen), time.perf_counter() - began
            print(f"step {index}: loss {mean:.3f} {quality} after {seconds:.0f} s", flush=True)
            model.eval().save_pretrained(out)
            model.train()


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--warm-up", type=int, default=700)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--drawings", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    train(arguments.warm_up, arguments.steps, arguments.drawings, arguments.seed, arguments.out)


if __name__ == "__main__":
    main()
