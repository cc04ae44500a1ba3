"""The network on photographs, for evaluation: clicks, boxes and corrections through the evaluator's interface.

A click is tried at five crop sizes, three masks each; a small linear score chooses. A box averages three crops. Later
clicks use crops around the earlier mask, which the network also reads. Works from a weights file or an ONNX file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from training.nano.crops import BOX_MARGIN, SCALES, Window, context, cut, cut_mask, hint_planes, thumbnail

SIZE = 128
FEATURES = ("predicted_iou", "agreement", "rim", "tiny", "centre")
WEIGHTS = (1.0, 0.5, -0.5, -0.3, 0.0)
BOX_MARGINS = (0.92 * BOX_MARGIN, BOX_MARGIN, 1.15 * BOX_MARGIN)
Rows = dict[str, np.ndarray]
Run = Callable[[Rows], tuple[np.ndarray, np.ndarray]]


def opened(path: Path) -> Run:
    """A function from rows to logits (n, 3, S, S) and predicted IoU (n, 3)."""
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda rows: session.run(["masks", "predicted_iou"], rows)
    import torch

    from training.nano.export import load_network

    network = load_network(path)

    def run(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            logits, scores = network(
                *(torch.from_numpy(rows[name]) for name in ("image", "hints", "context", "numbers"))
            )
        return logits.numpy(), scores.numpy()

    return run


class Predictor:
    """One photo at a time; methods as `segeval.py` asks for them. `flip` averages with the mirrored crop."""

    def __init__(
        self, path: Path, *, size: int = SIZE, flip: bool = True, weights: tuple[float, ...] = WEIGHTS
    ) -> None:
        self.run_network, self.size, self.flip, self.weights = opened(path), size, flip, np.array(weights)

    def set_image(self, photo: np.ndarray) -> None:
        """Take a photo, (H, W, 3) uint8 RGB."""
        self.photo = np.ascontiguousarray(photo)
        self.height, self.width = photo.shape[:2]
        self.thumb, self.thumb_scale = thumbnail(self.photo)

    def row(
        self,
        window: Window,
        clicks: list[tuple[float, float, int]],
        box: np.ndarray | None = None,
        previous: np.ndarray | None = None,
    ) -> Rows:
        """The arrays of one crop; clicks are (x, y, label) in photo coordinates, pixel centres."""
        placed = [[window.inside(x, y, self.size) for x, y, label in clicks if label == wanted] for wanted in (1, 0)]
        edges = (
            None
            if box is None
            else (*window.inside(box[0], box[1], self.size), *window.inside(box[2], box[3], self.size))
        )
        earlier = None if previous is None else cut_mask(previous.astype(np.uint8), window, self.size) * np.uint8(255)
        positive = [(x, y) for x, y, label in clicks if label][:1] if box is None else []
        return {
            "image": cut(self.photo, window, self.size),
            "hints": hint_planes(self.size, *placed, edges, earlier),
            "context": context(self.thumb, self.thumb_scale, window, positive),
            "numbers": np.array([box is not None, np.log(window.side / max(self.height, self.width))], np.float32),
        }

    def run(self, rows: list[Rows]) -> tuple[np.ndarray, np.ndarray]:
        """Logits (n, 3, S, S) and predicted IoU (n, 3)."""
        stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        logits, scores = self.run_network(stacked)
        if not self.flip:
            return logits, scores
        mirrored = {
            **stacked,
            "image": stacked["image"][:, :, ::-1],
            "context": stacked["context"][:, :, ::-1],
            "hints": stacked["hints"][..., ::-1],
        }
        turned, again = self.run_network({name: np.ascontiguousarray(value) for name, value in mirrored.items()})
        return (logits + turned[..., ::-1]) / 2, (scores + again) / 2

    def pasted(self, logits: np.ndarray, window: Window) -> np.ndarray:
        """Logits (S, S) in their place in the photo, (H, W) float32, -9 outside the window."""
        left, top, right, bottom = window.edges()
        whole = np.full((self.height, self.width), -9.0, np.float32)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        if x1 > x0 and y1 > y0:
            large = cv2.resize(logits, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
            whole[y0:y1, x0:x1] = large[y0 - top : y1 - top, x0 - left : x1 - left]
        return whole

    def box(self, box: tuple[int, int, int, int]) -> np.ndarray:
        """The mask inside a box: three margins, three masks each, averaged by predicted IoU."""
        corners = np.array(box, float)
        middle, longer = (corners[:2] + corners[2:]) / 2, max(*(corners[2:] - corners[:2]), 8)
        windows = [Window(*middle, longer * margin) for margin in BOX_MARGINS]
        logits, scores = self.run([self.row(window, [], corners) for window in windows])
        shares = np.exp(8 * (scores - scores.max(1, keepdims=True)))
        mixed = (logits * (shares / shares.sum(1, keepdims=True))[..., None, None]).sum(1)
        mask = sum(self.pasted(layer, window) for layer, window in zip(mixed, windows, strict=True)) > 0
        x0, y0, x1, y1 = box
        inside = np.zeros_like(mask)
        inside[y0:y1, x0:x1] = mask[y0:y1, x0:x1] if mask[y0:y1, x0:x1].any() else True
        return inside

    def windows(self, clicks: list[tuple[float, float, int]], previous: np.ndarray | None) -> list[Window]:
        """Five sizes around the first click; with an earlier mask, two margins around it and all clicks."""
        longest = max(self.height, self.width)
        if previous is None or not previous.any():
            return [Window(clicks[0][0], clicks[0][1], max(longest * scale, 24.0)) for scale in SCALES]
        columns, rows = np.flatnonzero(previous.any(0)), np.flatnonzero(previous.any(1))
        xs = [columns[0], columns[-1] + 1, *(x for x, _, label in clicks if label)]
        ys = [rows[0], rows[-1] + 1, *(y for _, y, label in clicks if label)]
        middle, side = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2), max(max(xs) - min(xs), max(ys) - min(ys), 16)
        return [Window(*middle, float(min(side * margin, 2.2 * longest))) for margin in (1.3, 1.8)]

    def candidates(
        self, clicks: list[tuple[float, float, int]], previous: np.ndarray | None = None
    ) -> tuple[np.ndarray, list[tuple[np.ndarray, Window]]]:
        """Features (n, 5) of every candidate, and its logits and window."""
        windows = self.windows(clicks, previous)
        logits, scores = self.run([self.row(window, clicks, None, previous) for window in windows])
        masks, features, small = [], [], []
        grid = 160 / max(self.height, self.width)
        for window, layers, layer_scores in zip(windows, logits, scores, strict=True):
            for layer, score in zip(layers, layer_scores, strict=True):
                inside = layer > 0
                edge = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).mean()
                depth = cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
                x, y = (int(np.clip(v, 0, self.size - 1)) for v in window.inside(clicks[0][0], clicks[0][1], self.size))
                rim = edge * (window.side < max(self.height, self.width))
                features.append([score, 0.0, rim, float(inside.mean() < 0.02), depth[y, x] / (depth.max() + 1e-6)])
                small.append(self.on_grid(layer, window, grid))
                masks.append((layer, window))
        table = np.array(features)
        table[:, 1] = agreement(np.stack(small), np.clip(table[:, 0], 0.02, 1))
        return table, masks

    def on_grid(self, logits: np.ndarray, window: Window, scale: float) -> np.ndarray:
        """The mask on a coarse grid of the whole photo, flattened."""
        step = scale * window.side / self.size
        matrix = np.float32(
            [[step, 0, scale * (window.x - window.side / 2)], [0, step, scale * (window.y - window.side / 2)]]
        )
        size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        return cv2.warpAffine(logits, matrix, size, flags=cv2.INTER_LINEAR, borderValue=-9).ravel() > 0

    def points(self, xy: list[tuple[int, int]], labels: list[int], previous: np.ndarray | None) -> np.ndarray:
        """The chosen mask (H, W) for all clicks so far; `previous` is the mask they correct."""
        clicks = [(x + 0.5, y + 0.5, label) for (x, y), label in zip(xy, labels, strict=True)]
        table, masks = self.candidates(clicks, previous if len(xy) > 1 else None)
        merits = table @ self.weights
        if len(xy) > 1:
            merits = merits - np.array([2.0 * self.missed(clicks, layer, window) for layer, window in masks])
        return self.pasted(*masks[int(merits.argmax())]) > 0

    def missed(self, clicks: list[tuple[float, float, int]], logits: np.ndarray, window: Window) -> float:
        """The share of clicks that a mask contradicts."""
        wrong = 0
        for x, y, label in clicks:
            column, row = (int(v) for v in window.inside(x, y, self.size))
            inside = 0 <= column < self.size and 0 <= row < self.size and logits[row, column] > 0
            wrong += inside != bool(label)
        return wrong / len(clicks)


def agreement(masks: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """How well each mask (n, pixels) agrees with the others: mean IoU weighted by their scores, (n,)."""
    flat = masks.astype(np.float32)
    overlap, areas = flat @ flat.T, flat.sum(1)
    ious = overlap / np.maximum(areas[:, None] + areas[None] - overlap, 1)
    weights = scores[None] * (1 - np.eye(len(scores)))
    return (ious * weights).sum(1) / weights.sum(1)
