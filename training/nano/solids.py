"""Solid objects for rendered scenes: people in crowds, animals, furniture, vehicles, vessels, plants, trees, blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from training.nano import figures
from training.nano.figures import Limb
from training.nano.render3d import CUBE, FRUSTUM, SPHERE, Solids

UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # rows: a unit shape's z axis stands along y


@dataclass(slots=True)
class Solid:
    """One object as a growing list of primitives: (kind, taper, centre, axes (3, 3) columns = half-axes, part)."""

    primitives: list[tuple[int, float, np.ndarray, np.ndarray, int]] = field(default_factory=list)

    def add(self, kind: int, centre: object, axes: np.ndarray, part: int, taper: float = 1.0) -> None:
        """Put in a unit shape whose axes become the columns of `axes`."""
        self.primitives.append((kind, taper, np.asarray(centre, float), axes, part))

    def box(self, centre: object, half: tuple[float, float, float], part: int, turn: np.ndarray | None = None) -> None:
        """A box with these half sides."""
        self.add(CUBE, centre, (np.eye(3) if turn is None else turn) * np.array(half), part)

    def ball(self, centre: object, half: tuple[float, float, float], part: int, turn: np.ndarray | None = None) -> None:
        """An ellipsoid with these half axes."""
        self.add(SPHERE, centre, (np.eye(3) if turn is None else turn) * np.array(half), part)

    def cone(self, low: object, high: object, start: float, end: float, part: int) -> None:
        """A frustum between two points with a radius at each."""
        low, high = np.asarray(low, float), np.asarray(high, float)
        if end > start:
            low, high, start, end = high, low, end, start
        along = (high - low) / 2
        frame = frame_along(along)
        start = max(start, 1e-3)
        axes = np.stack([frame[0] * start, frame[1] * start, along], 1)
        self.add(FRUSTUM, (low + high) / 2, axes, part, end / start)

    def limb(self, limb: Limb) -> None:
        """A cone with round ends."""
        if np.linalg.norm(limb.end - limb.start) > 1e-4:
            self.cone(limb.start, limb.end, limb.start_radius, limb.end_radius, limb.part)
        self.ball(limb.start, (limb.start_radius,) * 3, limb.part)
        if not limb.flat_end:
            self.ball(limb.end, (limb.end_radius,) * 3, limb.part)


def frame_along(direction: np.ndarray) -> np.ndarray:
    """Three unit rows, the last along `direction`."""
    ahead = direction / (np.linalg.norm(direction) + 1e-9)
    across = np.cross(ahead, [0.3, 1, 0.2] if abs(ahead[1]) < 0.95 else [1, 0.1, 0])
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(ahead, across), ahead])


def any_turn(rng: np.random.Generator) -> np.ndarray:
    """A random rotation (3, 3)."""
    turn, _ = np.linalg.qr(rng.normal(0, 1, (3, 3)))
    return turn * np.sign(np.linalg.det(turn))


def person(rng: np.random.Generator) -> Solid:
    """A clothed person, between a child's and a tall adult's height."""
    solid = Solid()
    for limb in figures.person(rng):
        solid.limb(limb)
    return scaled(solid, rng.uniform(1.0, 1.9))


def animal(rng: np.random.Generator) -> Solid:
    """A four-legged animal."""
    solid = Solid()
    for limb in figures.animal(rng):
        solid.limb(limb)
    return scaled(solid, rng.uniform(0.6, 1.4))


def single(rng: np.random.Generator) -> Solid:
    """One ball, box or drum."""
    solid, size = Solid(), rng.uniform(0.15, 0.7)
    half = (size, size * rng.uniform(0.4, 1.3), size * rng.uniform(0.5, 1.2))
    kind = rng.integers(3)
    if kind == 0:
        solid.ball((0, half[1], 0), half, 1)
    elif kind == 1:
        solid.box((0, half[1], 0), half, 1)
    else:
        solid.cone((0, 0, 0), (0, 2 * half[1], 0), size, size * rng.uniform(0.2, 1.0), 1)
    return solid


def vessel(rng: np.random.Generator) -> Solid:
    """A turned thing: bottle, vase, cup, lamp, mushroom."""
    solid, height, radius = Solid(), 0.0, rng.uniform(0.1, 0.35)
    for _ in range(rng.integers(2, 6)):
        rise, following = rng.uniform(0.06, 0.4), rng.uniform(0.05, 0.38)
        part = int(rng.integers(1, 4))
        if rng.random() < 0.3:
            solid.ball((0, height + rise / 2, 0), (following, rise * 0.6, following), part)
        else:
            solid.cone((0, height, 0), (0, height + rise, 0), radius, following, part)
        height, radius = height + rise, following
    if rng.random() < 0.25:
        solid.cone((0.2, height * 0.3, 0), (0.42, height * 0.6, 0), 0.03, 0.03, 4)
    return solid


def furniture(rng: np.random.Generator) -> Solid:
    """A table, chair, bench, bed or shelf."""
    solid = Solid()
    wide, deep, high, thick = (
        rng.uniform(0.25, 0.9),
        rng.uniform(0.25, 0.7),
        rng.uniform(0.3, 0.9),
        rng.uniform(0.02, 0.06),
    )
    solid.box((0, high, 0), (wide, thick, deep), 1)
    for x in (-1, 1):
        for z in (-1, 1):
            solid.box((x * wide * 0.9, high / 2, z * deep * 0.9), (thick, high / 2, thick), 2)
    if rng.random() < 0.5:
        solid.box((0, high * 1.5, deep * 0.95), (wide, high * 0.5, thick), int(rng.integers(1, 4)))
    if rng.random() < 0.4:
        solid.box((0, high + thick + 0.06, 0), (wide * 0.9, 0.06, deep * 0.85), 3)
    return solid


def vehicle(rng: np.random.Generator) -> Solid:
    """A car, van or cart."""
    solid, length, wide = Solid(), rng.uniform(0.7, 1.3), rng.uniform(0.35, 0.55)
    body, wheel = rng.uniform(0.16, 0.34), rng.uniform(0.15, 0.24)
    solid.box((0, wheel + body, 0), (length, body, wide), 1)
    cabin, middle, top = length * rng.uniform(0.4, 0.75), rng.normal(0, 0.1), wheel + 2 * body + 0.16
    solid.box((middle, top, 0), (cabin, 0.17, wide * 0.88), int(rng.integers(1, 3)))
    solid.box((middle, top, 0), (cabin * 0.85, 0.12, wide * 0.9), 3)
    solid.box((middle, top, 0), (cabin * 1.01, 0.12, wide * 0.75), 3)
    for x in (-1, 1):
        for z in (-1, 1):
            place = np.array([x * length * 0.6, wheel, z * wide])
            solid.cone(place - [0, 0, 0.06], place + [0, 0, 0.06], wheel, wheel, 4)
    return solid


def lump(rng: np.random.Generator) -> Solid:
    """Overlapping ellipsoids: stones, toys, fruit, cushions."""
    solid = Solid()
    for _ in range(rng.integers(2, 7)):
        size = rng.uniform(0.1, 0.35)
        place = (rng.normal(0, 0.22), abs(rng.normal(0.35, 0.2)), rng.normal(0, 0.22))
        solid.ball(
            place,
            (size, size * rng.uniform(0.6, 1.3), size * rng.uniform(0.7, 1.2)),
            1 + int(rng.random() < 0.25),
            any_turn(rng),
        )
    return solid


def plant(rng: np.random.Generator) -> Solid:
    """A pot with stem and leaves."""
    solid, high = Solid(), rng.uniform(0.4, 1.1)
    pot = rng.uniform(0.1, 0.25)
    solid.cone((0, 0, 0), (0, 0.28, 0), pot * 0.75, pot, 1)
    solid.cone((0, 0.25, 0), (rng.normal(0, 0.08), high, rng.normal(0, 0.08)), 0.035, 0.02, 2)
    for _ in range(rng.integers(5, 14)):
        place = (rng.normal(0, 0.17), high * rng.uniform(0.6, 1.2), rng.normal(0, 0.17))
        solid.ball(
            place,
            (rng.uniform(0.08, 0.25), 0.02, rng.uniform(0.04, 0.12)),
            3 if rng.random() < 0.85 else 4,
            any_turn(rng),
        )
    return solid


def tree(rng: np.random.Generator) -> Solid:
    """A trunk and a crown of many balls."""
    solid, high = Solid(), rng.uniform(1.0, 3.0)
    solid.cone((0, 0, 0), (0, high, 0), rng.uniform(0.06, 0.2), 0.06, 1)
    crown = rng.uniform(0.4, 1.0)
    for _ in range(rng.integers(10, 24)):
        size = crown * rng.uniform(0.2, 0.45)
        place = (rng.normal(0, 0.45) * crown, high + rng.normal(0.3, 0.4) * crown, rng.normal(0, 0.45) * crown)
        solid.ball(place, (size, size * rng.uniform(0.6, 1), size), 2, any_turn(rng))
    return solid


def block(rng: np.random.Generator) -> Solid:
    """A house or tower with a roof and rows of windows."""
    solid = Solid()
    wide, high, deep = rng.uniform(0.7, 2.2), rng.uniform(0.6, 2.6), rng.uniform(0.5, 1.2)
    solid.box((0, high, 0), (wide, high, deep), 1)
    for row in range(rng.integers(1, 5)):
        for column in range(columns := int(rng.integers(2, 6))):
            x = wide * ((column + 0.5) / columns * 2 - 1)
            solid.box((x, high * (0.4 + row * 0.4), 0), (wide * 0.25 / columns * 2, high * 0.1, deep * 1.01), 2)
    if rng.random() < 0.5:
        solid.cone((0, 2 * high, 0), (0, 2 * high + rng.uniform(0.3, 1), 0), wide * 1.2, 0.02, 3)
    return solid


KINDS: dict[str, tuple[Callable[[np.random.Generator], Solid], float]] = {
    "person": (person, 0.40), "animal": (animal, 0.11), "single": (single, 0.09), "vessel": (vessel, 0.08),
    "furniture": (furniture, 0.08), "vehicle": (vehicle, 0.08), "lump": (lump, 0.05), "plant": (plant, 0.05),
    "tree": (tree, 0.03), "block": (block, 0.03),
}  # fmt: skip


def any_solid(rng: np.random.Generator) -> tuple[str, Solid]:
    """A kind by its share, and one of it."""
    names = list(KINDS)
    name = names[rng.choice(len(names), p=[share for _, share in KINDS.values()])]
    return name, KINDS[name][0](rng)


def scaled(solid: Solid, factor: float) -> Solid:
    """The object `factor` times as large."""
    return Solid(
        [(kind, taper, centre * factor, axes * factor, part) for kind, taper, centre, axes, part in solid.primitives]
    )


def placed(solid: Solid, place: np.ndarray, yaw: float) -> Solid:
    """The object turned about the vertical and moved to `place` (3,)."""
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    return Solid(
        [
            (kind, taper, turn @ centre + place, turn @ axes, part)
            for kind, taper, centre, axes, part in solid.primitives
        ]
    )


def gather(
    solids: list[Solid], materials: list[dict[int, int]], scales: list[float], gloss: list[float], *, first_object: int
) -> Solids:
    """All objects as arrays for the renderer; object i has id first_object + i, its parts ids of their own."""
    everything = [(number, *primitive) for number, solid in enumerate(solids) for primitive in solid.primitives]
    owner = np.array([row[0] for row in everything])
    kind = np.array([row[1] for row in everything], np.int64)
    part = np.array([row[5] for row in everything], np.int64)
    axes = np.array([row[4] for row in everything])
    longest = np.sqrt((axes**2).sum(1).max(1))
    return Solids(
        kind=kind,
        taper=np.array([row[2] for row in everything], np.float64),
        centre=np.array([row[3] for row in everything]),
        inverse=np.ascontiguousarray(np.linalg.inv(axes)),
        reach=np.where(
            kind == SPHERE, longest, np.where(kind == CUBE, np.sqrt((axes**2).sum((1, 2))), longest * math.sqrt(2))
        ),
        owner=first_object + owner,
        part=100 + 16 * owner + part,
        material=np.array([materials[number][piece] for number, piece in zip(owner, part, strict=True)], np.int64),
        scale=np.array(scales)[owner],
        gloss=np.array(gloss)[owner],
    )
