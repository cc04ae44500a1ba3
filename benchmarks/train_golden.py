"""Trains the golden model: a SAM of under a million parameters that knows drawings, so that tests can be about masks.

    python benchmarks/train_golden.py --out tests/fixtures/golden

Needs the extra `torch` (PyTorch and transformers). Everything it learns from is drawn here, from a seed; with the same
versions on the same kind of processor it gives the same weights. The architecture is transformers' `SamModel` from a
small configuration, so that every code path of the real models is used.
"""

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from transformers import SamConfig, SamModel

SIZE, PATCH = 128, 8
DETAIL = 4  # mask logits per patch and side
RATE = 1.5e-3
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


def configuration(size: int) -> SamConfig:
    """The small architecture for a square of `size` pixels."""
    vision = {
        "hidden_size": 96,
        "output_channels": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": size,
        "patch_size": PATCH,
        "mlp_ratio": 3.0,
        "window_size": 8,
        "global_attn_indexes": [1, 3],
        "num_pos_feats": 48,
        "initializer_range": 0.02,
    }
    prompt = {"hidden_size": 96, "image_size": size, "patch_size": PATCH, "mask_input_channels": 16}
    decoder = {"hidden_size": 96, "mlp_dim": 256, "num_attention_heads": 4, "iou_head_hidden_dim": 96}
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
    for index in range(1, 1 + int(rng.integers(4, 13))):
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
    scale = min(height, width) * math.exp(rng.uniform(math.log(0.035), math.log(0.24)))
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
class Batch:
    """B pictures with P prompts each; coordinates in pixels of the model's frame.

    pixels: (B, 3, size, size). truth: (B, P, low, low) the share of each cell that the object covers, 0 to 1.
    points, boxes: (B, P, 2) and (B, P, 4) XYXY. boxed: (P,) bool, which of the two prompt p is.
    """

    pixels: torch.Tensor
    truth: torch.Tensor
    points: torch.Tensor
    boxes: torch.Tensor
    boxed: torch.Tensor


def make_batch(rng: np.random.Generator, size: int, images: int, prompts: int) -> Batch:
    """Fresh drawings of random proportions, laid on the square as SAM does: top left, zeros after normalising."""
    low, canvas = size // PATCH * DETAIL, 2 * size
    pixels, truth = np.zeros((images, size, size, 3), np.float32), np.zeros((images, prompts, low, low), np.float32)
    points, boxes = np.zeros((images, prompts, 2), np.float32), np.zeros((images, prompts, 4), np.float32)
    for b in range(images):
        drawing = _pick_drawing(rng, size)
        height, width = drawing.labels.shape
        scale = size / canvas
        h, w = height // 2, width // 2
        pixels[b, :h, :w] = (cv2.resize(drawing.pixels, (w, h), interpolation=cv2.INTER_AREA) / 255.0 - MEAN) / STD
        labels = _visible(drawing.labels, size)
        for p in range(prompts):
            label = 0 if rng.random() < 0.12 else int(rng.choice(labels))
            mask = (drawing.labels == label).astype(np.uint8)
            square = np.zeros((canvas, canvas), np.uint8)
            square[:height, :width] = mask * 255
            truth[b, p] = cv2.resize(square, (low, low), interpolation=cv2.INTER_AREA) / 255.0
            points[b, p] = _click(rng, mask) * scale
            boxes[b, p] = _box(rng, mask) * scale
    boxed = np.arange(prompts) >= prompts * 2 // 3
    as_input = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return Batch(*(torch.from_numpy(array) for array in (as_input, truth, points, boxes, boxed)))


def _pick_drawing(rng: np.random.Generator, size: int) -> Drawing:
    while True:
        long, short = 2 * size, 2 * int(rng.integers(size * 5 // 8, size + 1))
        drawing = draw(rng, *((short, long) if rng.random() < 0.7 else (long, short)))
        if _visible(drawing.labels, size).size:
            return drawing


def _visible(labels: np.ndarray, size: int) -> np.ndarray:
    """Numbers of the shapes of which enough can be seen, a few cells of the logits."""
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    return np.flatnonzero(counts >= labels.size * 16 / size**2)


def _click(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """A random pixel inside, half of the time one of the inner half. (2,) float x, y."""
    if rng.random() < 0.5:
        depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        mask = depth >= depth.max() * 0.5
    rows, columns = np.nonzero(mask)
    pick = int(rng.integers(rows.size))
    return np.array([columns[pick], rows[pick]], np.float32)


def _box(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The tight box with each edge moved by up to a twentieth of its side. (4,) float XYXY."""
    x, y, width, height = cv2.boundingRect(mask)
    moved = rng.normal(0, 0.02, 4).clip(-0.05, 0.05) * [width, height, width, height]
    return np.array([x, y, x + width, y + height], np.float32) + moved.astype(np.float32)


# learning


def new_model(size: int = SIZE) -> SamModel:
    """Random weights at a scale that learns; transformers' own start is meant to be overwritten by a checkpoint."""
    model = SamModel(configuration(size))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("pos_embed"):
                weight.normal_(0, 0.02)
            elif ("embed" in name and weight.dim() == 2) or "tokens" in name or "iou_token" in name:
                weight.normal_(0, 0.5 if "embed" in name else 0.02)
            elif weight.dim() >= 2 and "rel_pos" not in name:
                torch.nn.init.xavier_uniform_(weight)
        position = model.shared_image_embedding.positional_embedding
        position.normal_(0, 2.5)
        position.requires_grad_(requires_grad=False)
        for attention in _attentions_between(model):  # begin by looking where the click is: q . k grows with nearness
            attention.q_proj.weight.mul_(1.5)
            attention.k_proj.weight.copy_(attention.q_proj.weight)
    return model


def _attentions_between(model: SamModel) -> list[torch.nn.Module]:
    transformer = model.mask_decoder.transformer
    both = [(layer.cross_attn_token_to_image, layer.cross_attn_image_to_token) for layer in transformer.layers]
    return [attention for pair in both for attention in pair] + [transformer.final_attn_token_to_image]


def decode_all(
    model: SamModel, embeddings: torch.Tensor, sparse: torch.Tensor, dense: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
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


def embed_prompts(model: SamModel, batch: Batch) -> torch.Tensor:
    """(B * P, 2, C): a click and its padding, or the two corners of a box."""
    encoder = model.prompt_encoder
    ones = torch.ones(batch.points.shape[:2], dtype=torch.int64)
    clicks = encoder._embed_points(batch.points[:, :, None], ones[:, :, None], pad=True)
    corners = encoder._embed_boxes(batch.boxes)
    return torch.where(batch.boxed[None, :, None, None], corners, clicks).flatten(0, 1)


def losses(logits: torch.Tensor, scores: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
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


def corrected(batch: Batch, logits: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A further click for each prompt inside what is wrong so far: (N, 1, 1, 2) points, (N, 1, 1) labels."""
    low, pixel = logits.shape[-1], PATCH / DETAIL
    wrong = ((logits > 0) != (batch.truth.flatten(0, 1) > 0.5)).numpy()
    truth = (batch.truth.flatten(0, 1) > 0.5).numpy()
    points, labels = np.zeros((len(wrong), 1, 1, 2), np.float32), np.full((len(wrong), 1, 1), -10, np.int64)
    for index, errors in enumerate(wrong):
        candidates = np.flatnonzero(errors if errors.any() else truth[index])
        if candidates.size:
            row, column = divmod(int(rng.choice(candidates)), low)
            points[index, 0, 0] = (column + 0.5) * pixel - 0.5, (row + 0.5) * pixel - 0.5
            labels[index] = int(truth[index, row, column])
    return torch.from_numpy(points), torch.from_numpy(labels)


def step(model: SamModel, batch: Batch, rng: np.random.Generator, *, again: bool) -> torch.Tensor:
    """The loss of one batch; `again`: also of a second round with a corrective click and the first round's logits."""
    prompts = batch.points.shape[1]
    embeddings = model.vision_encoder(batch.pixels).last_hidden_state.repeat_interleave(prompts, 0)
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
def check(model: SamModel, size: int, seed: int) -> str:
    """Mean IoU of the mask that the model itself likes best, on drawings of another seed, for clicks and boxes."""
    batch = make_batch(np.random.default_rng(seed), size, 24, 6)
    embeddings = model.vision_encoder(batch.pixels).last_hidden_state.repeat_interleave(6, 0)
    nothing = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(embeddings)
    logits, scores = decode_all(model, embeddings, embed_prompts(model, batch), nothing)
    picked = logits[torch.arange(len(logits)), 1 + scores[:, 1:].argmax(1)]
    cut, truth = picked > 0, batch.truth.flatten(0, 1) > 0.5
    iou = ((cut & truth).sum((1, 2)) / (cut | truth).sum((1, 2)).clamp(min=1)).reshape(24, 6)
    return f"click {iou[:, ~batch.boxed].mean():.3f} box {iou[:, batch.boxed].mean():.3f}"


def train(steps: int, images: int, prompts: int, seed: int) -> SamModel:
    """The model after so many steps; prints the loss and the quality now and then."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = new_model()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.05)
    began, mean = time.perf_counter(), 0.0
    for index in range(steps):
        again = index > steps // 2 and index % 3 == 0
        loss = step(model, make_batch(rng, SIZE, images, prompts), rng, again=again)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        mean += (loss.item() - mean) / min(index + 1, 50)
        if index % 250 == 0 or index + 1 == steps:
            quality, seconds = check(model, SIZE, seed + 1), time.perf_counter() - began
            print(f"step {index}: loss {mean:.3f} {quality} after {seconds:.0f} s", flush=True)
    return model.eval()


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    model = train(arguments.steps, arguments.images, arguments.prompts, arguments.seed)
    model.save_pretrained(arguments.out)
    print(f"{sum(p.numel() for p in model.parameters())} parameters in {arguments.out}")


if __name__ == "__main__":
    main()
