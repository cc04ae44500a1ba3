"""Flat objects for generated scenes: blobs, people, faces, buildings, vehicles, drawings.

An object is a colour picture (side, side, 3) float32 RGB and a part map (side, side) uint8: 0 outside, then its parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.nano import figures
from training.nano.art import ArtBank
from training.nano.figures import Limb
from training.nano.textures import TAU, TextureBank, natural_colour, noise

Object = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Materials:
    """What objects are made of: the texture bank, and vector art where it was fetched."""

    textures: TextureBank
    art: ArtBank | None = None


def blob(rng: np.random.Generator, side: int) -> np.ndarray:
    """One connected random shape, (side, side) uint8 of 0 and 1."""
    mask, centre, reach = np.zeros((side, side), np.uint8), side / 2, side * 0.48
    kind = rng.random()
    if kind < 0.5:
        angles = np.linspace(0, TAU, 72, endpoint=False)
        radius = np.ones(72)
        for wave in range(2, 3 + rng.integers(1, 8)):
            radius += rng.normal(0, 0.4 / wave) * np.cos(wave * angles + rng.uniform(0, TAU))
        radius = np.clip(radius, 0.15, 2)
        radius *= reach / radius.max()
        outline = np.stack(
            [centre + radius * np.cos(angles), centre + rng.uniform(0.4, 1) * radius * np.sin(angles)], 1
        )
        cv2.fillPoly(mask, [outline.astype(np.int32)], 1)
    elif kind < 0.65:
        angles = np.sort(rng.uniform(0, TAU, rng.integers(3, 9)))
        radius = reach * rng.uniform(0.5, 1, len(angles))
        cv2.fillPoly(
            mask,
            [np.stack([centre + radius * np.cos(angles), centre + radius * np.sin(angles)], 1).astype(np.int32)],
            1,
        )
    elif kind < 0.78:
        turn = rng.uniform(0, 180) if rng.random() < 0.5 else 0.0
        corners = cv2.boxPoints(((centre, centre), (2 * reach * rng.uniform(0.3, 0.75), 1.3 * reach), turn))
        cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
    elif kind < 0.88:
        rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        field = cv2.resize(noise(rng, 1.9, side=64), (side, side)) - 2.2 * (np.hypot(rows, columns) - 0.5)
        count, labels, stats, _ = cv2.connectedComponentsWithStats((field > 0).astype(np.uint8))
        if count > 1:
            mask[labels == 1 + stats[1:, 4].argmax()] = 1
    else:
        path = np.cumsum(rng.normal(0, side * 0.22, (5, 2)), 0)
        path = (path - path.min(0)) / (np.ptp(path, 0).max() + 1e-6) * side * 0.8 + side * 0.1
        cv2.polylines(
            mask, [path.astype(np.int32)], isClosed=False, color=1, thickness=int(max(3, side * rng.uniform(0.05, 0.2)))
        )
    return mask


def split(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The mask as one part, cut into bands, or with patches inlaid; (side, side) uint8 part map."""
    side, parts, kind = mask.shape[0], mask.copy(), rng.random()
    if kind < 0.45:
        return parts
    if kind < 0.75:
        angle = math.pi / 2 if rng.random() < 0.6 else rng.uniform(0, math.pi)
        rows, columns = np.mgrid[:side, :side] / side
        along = columns * math.cos(angle) + rows * math.sin(angle)
        along += 0.05 * np.sin(TAU * (columns * rng.uniform(0, 2) + rows * rng.uniform(0, 2)))
        cuts = np.sort(rng.uniform(along.min(), along.max(), rng.integers(1, 4)))
        return ((np.digitize(along, cuts) + 1) * (mask > 0)).astype(np.uint8)
    for part in range(2, 2 + rng.integers(1, 4)):
        size = int(max(6, side * rng.uniform(0.15, 0.5)))
        row, column = rng.integers(0, side - size + 1, 2)
        window = np.s_[row : row + size, column : column + size]
        parts[window][(blob(rng, size) > 0) & (mask[window] > 0)] = part
    return parts


# ---- figures


def draw_limb(
    parts: np.ndarray,
    shade: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    radii: tuple[float, float],
    *,
    part: int,
    flat_end: bool,
) -> None:
    """Fill one tapered limb into the part map, and its brightness into `shade`.

    shade (side, side) float32: its first pixel carries the brightness, so that limbs of one part differ.
    """
    along = end - start
    length = float(np.hypot(*along))
    level = float(shade[0, 0])
    if length > 0.5:
        across = np.array([-along[1], along[0]]) / length
        corners = np.array(
            [start + across * radii[0], end + across * radii[1], end - across * radii[1], start - across * radii[0]]
        )
        polygon = [np.round(corners).astype(np.int32)]
        cv2.fillPoly(parts, polygon, part)
        cv2.fillPoly(shade, polygon, level)
    for centre, radius, drawn in ((start, radii[0], True), (end, radii[1], not flat_end)):
        if drawn:
            place = [int(v) for v in np.round(centre)]
            cv2.circle(parts, place, max(1, round(radius)), part, -1)
            cv2.circle(shade, place, max(1, round(radius)), level, -1)


def draw_figure(rng: np.random.Generator, limbs: list[Limb], side: int) -> tuple[np.ndarray, np.ndarray]:
    """Part map (side, side) uint8 and shade field of a figure seen from the front, nearer limbs last."""
    points = np.array([[limb.start[:2], limb.end[:2]] for limb in limbs])
    radii = np.array([[limb.start_radius, limb.end_radius] for limb in limbs])
    low, high = (points - radii[..., None]).min((0, 1)), (points + radii[..., None]).max((0, 1))
    scale = (side - 4) / (high - low).max()
    shift = np.array([(side - (high[0] + low[0]) * scale) / 2, side - 2 + low[1] * scale])
    parts, shade = np.zeros((side, side), np.uint8), np.ones((side, side), np.float32)
    for limb in sorted(limbs, key=lambda limb: limb.start[2] + limb.end[2] + limb.start_radius):
        ends = [
            np.array([shift[0] + point[0] * scale, shift[1] - point[1] * scale]) for point in (limb.start, limb.end)
        ]
        shade[0, 0] = rng.uniform(0.8, 1.12)
        draw_limb(
            parts,
            shade,
            *ends,
            (limb.start_radius * scale, limb.end_radius * scale),
            part=limb.part,
            flat_end=limb.flat_end,
        )
    shade[0, 0] = 1
    return parts, shade


def garment(rng: np.random.Generator, part: int, materials: Materials, side: int) -> np.ndarray:
    """The surface of one part of a person, (side, side, 3)."""
    if part == figures.SKIN:
        return (
            materials.textures.tinted(rng, side, side, natural_colour(rng, "skin")) * 0.15
            + natural_colour(rng, "skin") * 0.85
        )
    if part == figures.HAIR:
        return materials.textures.tinted(rng, side, side, natural_colour(rng, "hair"))
    return materials.textures.patch(rng, side, side)


def person(rng: np.random.Generator, materials: Materials, side: int) -> Object:
    """A clothed person, turned any way, with folds in the cloth."""
    yaw = rng.normal(0, 0.7) if rng.random() < 0.6 else rng.uniform(0, TAU)
    limbs = figures.turned(figures.person(rng), yaw)
    parts, shade = draw_figure(rng, limbs, side)
    colour = np.zeros((side, side, 3), np.float32)
    suit = materials.textures.patch(rng, side, side)
    for part in np.unique(parts[parts > 0]):
        surface = (
            suit
            if part in (figures.TOP, figures.BOTTOM, figures.COAT) and rng.random() < 0.15
            else garment(rng, part, materials, side)
        )
        colour[parts == part] = surface[parts == part]
    folds = 1 + rng.uniform(0.03, 0.16) * cv2.resize(
        noise(rng, rng.uniform(1.2, 2), side=64, stretch=True), (side, side)
    )
    return colour * (shade * folds)[..., None], parts


def animal(rng: np.random.Generator, materials: Materials, side: int) -> Object:
    """A four-legged animal, mostly seen from the side."""
    limbs = figures.turned(figures.animal(rng), rng.choice([-1, 1]) * math.pi / 2 + rng.normal(0, 0.5))
    parts, shade = draw_figure(rng, limbs, side)
    colour, fur = np.zeros((side, side, 3), np.float32), natural_colour(rng, "hair") * rng.uniform(0.8, 1.6)
    for part in np.unique(parts[parts > 0]):
        tint = np.clip(fur * rng.uniform(0.5, 1.5), 0, 255).astype(np.float32)
        colour[parts == part] = materials.textures.tinted(rng, side, side, tint)[parts == part]
    merged = np.minimum(parts, 1) if rng.random() < 0.5 else parts
    return colour * shade[..., None], merged


def face(rng: np.random.Generator, materials: Materials, side: int) -> Object:
    """A frontal face: hair 1, skin 2, eyes 3, brows 4, mouth 5, nose 6, clothes 7."""
    parts = np.zeros((side, side), np.uint8)
    slant = rng.normal(0, 0.02)

    def oval(x: float, y: float, half_width: float, half_height: float, part: int, turn: float = 0.0) -> None:
        axes = (int(max(1, half_width * side)), int(max(1, half_height * side)))
        cv2.ellipse(parts, (int((x + slant) * side), int(y * side)), axes, turn, 0, 360, part, -1)

    width, eye = rng.uniform(0.21, 0.28), rng.uniform(0.085, 0.12)
    if rng.random() < 0.8:
        oval(0.5, 1.0, rng.uniform(0.36, 0.5), rng.uniform(0.16, 0.24), 7)
    oval(0.5, 0.4, width + rng.uniform(0.0, 0.1), rng.uniform(0.31, 0.37), 1)
    if rng.random() < 0.45:
        wide, low = width + rng.uniform(0.02, 0.09), rng.uniform(0.5, 0.97)
        cv2.rectangle(
            parts, (int((0.5 - wide) * side), int(0.4 * side)), (int((0.5 + wide) * side), int(low * side)), 1, -1
        )
    cv2.rectangle(parts, (int(0.4 * side), int(0.6 * side)), (int(0.6 * side), int(0.87 * side)), 2, -1)
    oval(0.5, 0.48, width, rng.uniform(0.29, 0.33), 2)
    for sign in (-1, 1):
        oval(0.5 + sign * eye, 0.44, 0.045, rng.uniform(0.014, 0.026), 3)
        oval(0.5 + sign * eye, 0.385, 0.055, rng.uniform(0.008, 0.018), 4, sign * rng.uniform(0, 12))
        oval(0.5 + sign * (width + 0.005), 0.48, 0.022, 0.055, 2)
    oval(0.5, 0.54, rng.uniform(0.025, 0.042), rng.uniform(0.04, 0.075), 6)
    oval(0.5, rng.uniform(0.64, 0.68), rng.uniform(0.05, 0.09), rng.uniform(0.014, 0.035), 5)
    skin, hair = natural_colour(rng, "skin"), natural_colour(rng, "hair")
    tints = {
        1: hair,
        2: skin,
        3: skin * 0.55,
        4: hair * 0.8 + skin * 0.2,
        5: skin * np.array([0.85, 0.55, 0.55], np.float32),
        6: skin * rng.uniform(0.88, 1.06),
    }
    colour = materials.textures.patch(rng, side, side)
    for part, tint in tints.items():
        surface = materials.textures.tinted(rng, side, side, np.clip(tint, 0, 255).astype(np.float32))
        share = 0.8 if part != 1 else 0.2
        colour[parts == part] = (surface * (1 - share) + tint * share)[parts == part]
    return np.clip(colour, 0, 255), parts


# ---- things made of boxes


def building(rng: np.random.Generator, side: int) -> np.ndarray:
    """Part map of a house front: wall 1, windows 2, roof 3, door 4."""
    parts = np.zeros((side, side), np.uint8)
    left, top = side * rng.uniform(0.03, 0.2), side * rng.uniform(0.05, 0.3)
    wide, high = side - 2 * left, side * 0.97 - top
    cv2.rectangle(parts, (int(left), int(top)), (int(side - left), int(side * 0.97)), 1, -1)
    if rng.random() < 0.5:
        cv2.fillPoly(parts, [np.array([(left * 0.4, top), (side / 2, 0), (side - left * 0.4, top)], np.int32)], 3)
    columns, rows = rng.integers(2, 6, 2)
    pane = rng.uniform(0.3, 0.65, 2)
    for i in range(columns):
        for j in range(rows):
            x, y = left + wide * (i + 0.25) / columns, top + high * (j + 0.2) / rows
            cv2.rectangle(
                parts, (int(x), int(y)), (int(x + wide * pane[0] / columns), int(y + high * pane[1] / rows)), 2, -1
            )
    if rng.random() < 0.5:
        x = left + wide * rng.uniform(0.1, 0.7)
        cv2.rectangle(parts, (int(x), int(side * 0.8)), (int(x + side * 0.14), int(side * 0.97)), 4, -1)
    return parts


def vehicle(rng: np.random.Generator, side: int) -> np.ndarray:
    """Part map of a car or van from the side or the front: body 1, windows 2, wheels 3, lights 4."""
    parts = np.zeros((side, side), np.uint8)

    def polygon(points: list[tuple[float, float]], part: int) -> None:
        cv2.fillPoly(parts, [(np.array(points) * side).astype(np.int32)], part)

    belt = rng.uniform(0.42, 0.54)
    if rng.random() < 0.35:
        wide = rng.uniform(0.32, 0.45)
        for sign in (-1, 1):
            polygon(
                [
                    (0.5 + sign * (wide - 0.12), 0.7),
                    (0.5 + sign * wide, 0.7),
                    (0.5 + sign * wide, 0.86),
                    (0.5 + sign * (wide - 0.12), 0.86),
                ],
                3,
            )
        polygon([(0.5 - wide, belt), (0.5 + wide, belt), (0.5 + wide, 0.78), (0.5 - wide, 0.78)], 1)
        polygon([(0.5 - wide, belt), (0.6 - wide, 0.22), (0.4 + wide, 0.22), (0.5 + wide, belt)], 1)
        polygon([(0.55 - wide, belt), (0.63 - wide, 0.26), (0.37 + wide, 0.26), (0.45 + wide, belt)], 2)
        for sign in (-1, 1):
            cv2.circle(parts, (int((0.5 + sign * (wide - 0.07)) * side), int(0.62 * side)), int(0.05 * side), 4, -1)
        return parts
    rear, front, slope = rng.uniform(0.05, 0.3), rng.uniform(0.65, 0.93), rng.uniform(0.03, 0.15)
    polygon([(0.03, belt), (0.97, belt), (0.97, 0.74), (0.03, 0.74)], 1)
    polygon([(rear, belt), (rear + slope, 0.24), (front - slope, 0.24), (front, belt)], 1)
    pillar = (rear + front) / 2
    polygon([(rear + 0.05, belt), (rear + slope + 0.03, 0.28), (pillar - 0.015, 0.28), (pillar - 0.015, belt)], 2)
    polygon([(pillar + 0.015, belt), (pillar + 0.015, 0.28), (front - slope - 0.03, 0.28), (front - 0.05, belt)], 2)
    for x in (0.22, 0.78):
        cv2.circle(parts, (int(x * side), int(0.74 * side)), int(0.11 * side), 3, -1)
        cv2.circle(parts, (int(x * side), int(0.74 * side)), int(0.05 * side), 4, -1)
    return parts


# ---- any object


def textured(
    rng: np.random.Generator, materials: Materials, parts: np.ndarray, colour: np.ndarray | None = None
) -> Object:
    """The part map with a surface on each part; with `colour`, only some parts are covered."""
    side = parts.shape[0]
    covered = np.zeros((side, side, 3), np.float32) if colour is None else colour
    common = materials.textures.patch(rng, side, side)
    for part in np.unique(parts[parts > 0]):
        if colour is None or rng.random() < 0.7:
            surface = common if rng.random() < 0.3 else materials.textures.patch(rng, side, side)
            covered[parts == part] = surface[parts == part]
    return covered, parts


def drawing(rng: np.random.Generator, materials: Materials, side: int) -> Object:
    """A piece of vector art: a silhouette with surfaces of ours, or a coloured drawing in its own colours or ours."""
    art = materials.art
    if art is None:
        return textured(rng, materials, split(rng, blob(rng, side)))
    if rng.random() < 0.3:
        alpha = art.silhouettes[rng.integers(len(art.silhouettes))]
        return textured(rng, materials, split(rng, (cv2.resize(alpha, (side, side)) > 127).astype(np.uint8)))
    index = rng.integers(len(art.drawings))
    parts = cv2.resize(art.parts[index], (side, side), interpolation=cv2.INTER_NEAREST)
    colour = cv2.resize(art.drawings[index], (side, side)).astype(np.float32)
    if rng.random() < 0.4:
        colour = colour[..., rng.permutation(3)] * rng.uniform(0.5, 1.1, 3).astype(np.float32) + np.float32(
            rng.uniform(-20, 40)
        )
    return textured(rng, materials, parts, colour) if rng.random() < 0.5 else (np.clip(colour, 0, 255), parts)


def relief(rng: np.random.Generator, colour: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The colours lit from one side, as if the object were rounded."""
    side = parts.shape[0]
    height = cv2.GaussianBlur((parts > 0).astype(np.float32), (0, 0), max(1, side * rng.uniform(0.04, 0.16)))
    angle = rng.uniform(0, TAU)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) * math.cos(angle) + cv2.Sobel(height, cv2.CV_32F, 0, 1) * math.sin(
        angle
    )
    return colour * (1 + rng.uniform(0.2, 0.7) * slope / (np.abs(slope).max() + 1e-6))[..., None]


KINDS = ("blob", "person", "face", "animal", "building", "vehicle", "drawing")
SHARES = (0.24, 0.26, 0.06, 0.08, 0.04, 0.06, 0.26)


def any_object(rng: np.random.Generator, materials: Materials, side: int, kind: str | None = None) -> Object:
    """An object of a random or given kind, shaded, perhaps mirrored and turned."""
    kind = kind or KINDS[rng.choice(len(KINDS), p=SHARES)]
    upright = kind in ("person", "face", "animal", "building", "vehicle")
    if kind in ("person", "face", "animal", "drawing"):
        colour, parts = {"person": person, "face": face, "animal": animal, "drawing": drawing}[kind](
            rng, materials, side
        )
    else:
        made = {"building": building, "vehicle": vehicle}.get(kind)
        colour, parts = textured(rng, materials, made(rng, side) if made else split(rng, blob(rng, side)))
    if rng.random() < 0.6:
        colour = relief(rng, colour, parts)
    if rng.random() < 0.5:
        colour, parts = colour[:, ::-1], parts[:, ::-1]
    if rng.random() < (0.15 if upright else 0.5):
        angle = rng.normal(0, 12) if upright or rng.random() < 0.6 else rng.uniform(0, 360)
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 0.9)
        colour = cv2.warpAffine(np.ascontiguousarray(colour), matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        parts = cv2.warpAffine(np.ascontiguousarray(parts), matrix, (side, side), flags=cv2.INTER_NEAREST)
    return np.clip(colour, 0, 255).astype(np.float32), np.ascontiguousarray(parts)
