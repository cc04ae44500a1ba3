"""Articulated, clothed people and four-legged animals, as tapered limbs in space.

A figure is a list of limbs; `shapes.py` draws it flat, `solids.py` renders it with light and shadow.
Axes: x to the figure's left, y up, z the way it faces; a standing adult is 1 high, feet at y = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SKIN, HAIR, TOP, BOTTOM, SHOES, BAG, HAT, COAT = range(1, 9)
PERSON_PARTS = 8


@dataclass(frozen=True, slots=True)
class Limb:
    """A cone with round ends from `start` to `end` (3,), with a radius at each, of one garment or material."""

    start: np.ndarray
    end: np.ndarray
    start_radius: float
    end_radius: float
    part: int
    flat_end: bool = False


@dataclass(frozen=True, slots=True)
class Build:
    """What stays the same for a whole crowd member: proportions and clothes."""

    girth: float
    head: float
    shoulder: float
    hip: float
    sleeve: float
    bottom: str
    hair: str
    coat: bool
    bag: str


def random_build(rng: np.random.Generator) -> Build:
    """An adult or, one time in six, a child; dressed at random."""
    child = rng.random() < 0.16
    return Build(
        girth=rng.uniform(0.8, 1.35),
        head=rng.uniform(0.078, 0.1) if child else rng.uniform(0.058, 0.07),
        shoulder=rng.uniform(0.095, 0.135),
        hip=rng.uniform(0.05, 0.075),
        sleeve=float(rng.choice([0.0, 0.45, 1.0, 2.0], p=[0.1, 0.25, 0.1, 0.55])),
        bottom=str(rng.choice(["trousers", "shorts", "skirt", "dress", "long"], p=[0.56, 0.13, 0.12, 0.12, 0.07])),
        hair=str(rng.choice(["short", "long", "bun", "hat", "bald"], p=[0.4, 0.28, 0.1, 0.17, 0.05])),
        coat=bool(rng.random() < 0.25),
        bag=str(rng.choice(["none", "shoulder", "back", "hand"], p=[0.55, 0.2, 0.13, 0.12])),
    )


def swing(length: float, forward: float, outward: float, side: int) -> np.ndarray:
    """The step along a limb hanging down, swung forward and outward by these angles (radians)."""
    return length * np.array([
        side * math.sin(outward),
        -math.cos(forward) * math.cos(outward),
        math.sin(forward) * math.cos(outward),
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pose:
    """Joint angles in radians; pairs are (left, right)."""

    thigh: tuple[float, float]
    knee: tuple[float, float]
    stance: float
    arm: tuple[float, float]
    spread: tuple[float, float]
    elbow: tuple[float, float]
    lean: tuple[float, float]


def random_pose(rng: np.random.Generator) -> Pose:
    """Standing, walking, running, sitting or crouching; arms hang, swing, bend or reach."""
    kind = rng.choice(["stand", "walk", "run", "sit", "crouch"], p=[0.42, 0.34, 0.08, 0.1, 0.06])
    stride = {"stand": 0.06, "walk": 0.4, "run": 0.8}.get(kind, 0.0) * rng.uniform(0.5, 1.2)
    thigh, knee = (stride, -stride), (rng.uniform(0, 0.3) * stride, rng.uniform(0.2, 1.2) * stride)
    if kind == "sit":
        thigh, knee = (rng.uniform(1.2, 1.6), rng.uniform(1.2, 1.6)), (rng.uniform(1.1, 1.7), rng.uniform(1.1, 1.7))
    elif kind == "crouch":
        thigh, knee = (rng.uniform(1.0, 1.9), rng.uniform(0.4, 1.9)), (rng.uniform(1.5, 2.2), rng.uniform(1.2, 2.2))
    if rng.random() < 0.5:
        thigh, knee = thigh[::-1], knee[::-1]
    raised = [rng.random() < 0.15 for _ in range(2)]
    arm = tuple(
        float(rng.uniform(0.8, 2.7)) if up else float(-0.8 * leg + rng.normal(0, 0.2))
        for up, leg in zip(raised, thigh if kind in ("walk", "run") else (0, 0), strict=True)
    )
    return Pose(
        thigh=thigh,
        knee=knee,
        stance=abs(rng.normal(0.03, 0.08)),
        arm=arm,
        spread=(abs(rng.normal(0.12, 0.15)), abs(rng.normal(0.12, 0.15))),
        elbow=(abs(rng.normal(0.2, 0.6)), abs(rng.normal(0.2, 0.6))),
        lean=(rng.normal(0, 0.04), rng.normal(0.02, 0.05) + 0.2 * (kind in ("run", "crouch"))),
    )  # fmt: skip


def person(rng: np.random.Generator, build: Build | None = None) -> list[Limb]:
    """A clothed person in a random pose, lowest point at y = 0."""
    build, pose = build or random_build(rng), random_pose(rng)
    hips = np.array([0, 0.52, 0])
    neck = hips + [pose.lean[0], 0.33, pose.lean[1]]
    limbs = [
        *legs(build, pose, hips),
        *trunk(build, hips, neck),
        *arms(build, pose, neck),
        *head(rng, build, neck),
        *luggage(build, neck, hips),
    ]
    return grounded(limbs)


def grounded(limbs: list[Limb]) -> list[Limb]:
    """The limbs moved so that the lowest touches y = 0."""
    low = min(min(limb.start[1] - limb.start_radius, limb.end[1] - limb.end_radius) for limb in limbs)
    shift = np.array([0, -low, 0])
    return [
        Limb(limb.start + shift, limb.end + shift, limb.start_radius, limb.end_radius, limb.part, limb.flat_end)
        for limb in limbs
    ]


def legs(build: Build, pose: Pose, hips: np.ndarray) -> list[Limb]:
    """Thighs, shins and feet, with trousers, shorts, a skirt or a dress."""
    limbs, girth = [], build.girth
    upper = BOTTOM if build.bottom in ("trousers", "shorts", "long") else SKIN
    lower = BOTTOM if build.bottom in ("trousers", "long") else SKIN
    for index, side in enumerate((1, -1)):
        hip = hips + [side * build.hip, 0, 0]
        knee = hip + swing(0.24, pose.thigh[index], pose.stance, side)
        ankle = knee + swing(0.23, pose.thigh[index] - pose.knee[index], 0.02, side)
        limbs.append(Limb(hip, knee, 0.06 * girth, 0.042 * girth, upper))
        limbs.append(Limb(knee, ankle, 0.043 * girth, 0.036 if lower == BOTTOM else 0.024, lower))
        toe = ankle + [side * 0.015, -0.02, 0.085]
        limbs.append(Limb(ankle + [0, -0.012, -0.01], toe, 0.03, 0.022, SHOES))
    if build.bottom in ("skirt", "dress", "long"):
        hem = 0.42 if build.bottom == "long" else 0.22
        middle = (math.sin(pose.thigh[0]) + math.sin(pose.thigh[1])) / 2
        end = hips + [0, -hem * math.cos(middle), hem * middle]
        wide = 0.1 + 0.08 * abs(pose.thigh[0] - pose.thigh[1]) + 0.03 * girth
        limbs.append(
            Limb(
                hips + [0, 0.05, 0], end, 0.085 * girth, wide, TOP if build.bottom == "dress" else BOTTOM, flat_end=True
            )
        )
    return limbs


def trunk(build: Build, hips: np.ndarray, neck: np.ndarray) -> list[Limb]:
    """Chest, waist and seat; a coat adds length and width."""
    girth, part = build.girth, COAT if build.coat else TOP
    limbs = [
        Limb(
            hips + [side * build.hip * 0.7, -0.01, 0],
            hips + [side * build.hip * 0.7, 0.06, 0],
            0.062 * girth,
            0.06 * girth,
            BOTTOM if build.bottom != "dress" else TOP,
        )
        for side in (1, -1)
    ]
    for side in (1, -1):
        shoulder = neck + [side * (build.shoulder - 0.045), -0.055, 0]
        limbs.append(Limb(shoulder, hips + [side * build.hip * 0.55, 0.05, 0], 0.055 * girth**0.5, 0.062 * girth, part))
    limbs.append(
        Limb(neck + [0, -0.06, 0.005], hips + [0, 0.06, 0.01], 0.06 * girth, 0.07 * girth, TOP if build.coat else part)
    )
    if build.coat:
        limbs.append(
            Limb(hips + [0, 0.1, -0.01], hips + [0, -0.15, -0.01], 0.09 * girth, 0.115 * girth, COAT, flat_end=True)
        )
    return limbs


def arms(build: Build, pose: Pose, neck: np.ndarray) -> list[Limb]:
    """Upper arms, forearms and hands; sleeves end at no, half, one or two arm segments."""
    limbs, cloth = [], COAT if build.coat else TOP
    sleeve = 2.0 if build.coat else build.sleeve
    for index, side in enumerate((1, -1)):
        shoulder = neck + [side * build.shoulder, -0.05, 0]
        upper = swing(0.17, pose.arm[index], pose.spread[index], side)
        lower = swing(0.15, pose.arm[index] + pose.elbow[index], pose.spread[index] * 0.4, side)
        elbow, wrist = shoulder + upper, shoulder + upper + lower
        for part, begin, end, radius in ((SKIN, shoulder, elbow, 0.03), (SKIN, elbow, wrist, 0.025)):
            limbs.append(Limb(begin, end, radius, radius * 0.8, part))
        if sleeve > 0:
            limbs.append(Limb(shoulder, shoulder + upper * min(sleeve, 1), 0.042, 0.036, cloth))
        if sleeve > 1:
            limbs.append(Limb(elbow, elbow + lower * 0.93, 0.036, 0.031, cloth))
        limbs.append(Limb(wrist, wrist + lower * 0.25, 0.024, 0.02, SKIN))
    return limbs


def head(rng: np.random.Generator, build: Build, neck: np.ndarray) -> list[Limb]:
    """Neck, face and hair or hat."""
    radius = build.head
    centre = neck + [rng.normal(0, 0.012), 0.02 + radius * 1.1, rng.normal(0.008, 0.015)]
    limbs = [
        Limb(neck + [0, -0.03, 0], centre, 0.034, 0.034, SKIN),
        Limb(
            centre + [0, -0.25 * radius, 0.1 * radius],
            centre + [0, 0.25 * radius, 0],
            radius * 0.88,
            radius * 0.95,
            SKIN,
        ),
    ]
    if build.hair == "bald":
        return limbs
    crown = Limb(
        centre + [0, 0.2 * radius, -0.35 * radius],
        centre + [0, 0.5 * radius, -0.1 * radius],
        radius * 0.98,
        radius * 0.9,
        HAIR,
    )
    limbs.append(crown)
    if build.hair == "long":
        limbs.append(
            Limb(
                centre + [0, 0, -0.45 * radius],
                centre + [0, -radius * rng.uniform(1.5, 3.5), -0.6 * radius],
                radius,
                radius * 0.75,
                HAIR,
            )
        )
    elif build.hair == "bun":
        limbs.append(
            Limb(
                centre + [0, 0.7 * radius, -radius],
                centre + [0, 0.8 * radius, -1.1 * radius],
                radius * 0.45,
                radius * 0.45,
                HAIR,
            )
        )
    elif build.hair == "hat":
        limbs.append(
            Limb(
                centre + [0, 0.55 * radius, 0],
                centre + [0, 0.95 * radius, 0],
                radius * rng.uniform(1.05, 1.7),
                radius * 0.8,
                HAT,
                flat_end=True,
            )
        )
    return limbs


def luggage(build: Build, neck: np.ndarray, hips: np.ndarray) -> list[Limb]:
    """A bag at the hip, on the back or in the hand."""
    if build.bag == "shoulder":
        spot = hips + [build.hip + 0.1, -0.02, 0]
        return [
            Limb(spot, spot + [0, -0.08, 0.02], 0.05, 0.06, BAG),
            Limb(neck + [-build.shoulder * 0.6, -0.03, 0.05], spot, 0.01, 0.01, BAG),
        ]
    if build.bag == "back":
        return [Limb(neck + [0, -0.08, -0.11], hips + [0, 0.08, -0.12], 0.07, 0.085, BAG)]
    if build.bag == "hand":
        spot = hips + [-build.hip - 0.12, -0.12, 0.03]
        return [Limb(spot, spot + [0, -0.08, 0], 0.045, 0.055, BAG)]
    return []


def animal(rng: np.random.Generator) -> list[Limb]:
    """A four-legged animal facing +z: coat 1, markings 2, dark ends 3."""
    length, height = rng.uniform(0.5, 1.0), rng.uniform(0.3, 0.7)
    body = length * rng.uniform(0.18, 0.32)
    rear, front = np.array([0, height, -length / 2]), np.array([0, height, length / 2])
    skull = front + [0, body * rng.uniform(0.3, 2.0), body * rng.uniform(0.7, 1.5)]
    muzzle = skull + [0, -0.2 * body, body * rng.uniform(0.5, 1.1)]
    limbs = [
        Limb(rear, front, body, body * rng.uniform(0.8, 1.1), 1),
        Limb(front, skull, body * 0.65, body * 0.45, 1),
        Limb(skull, muzzle, body * 0.5, body * 0.28, int(rng.choice([1, 2, 3]))),
        Limb(
            rear,
            rear + [rng.normal(0, 0.1), rng.uniform(-0.3, 0.35), -length * rng.uniform(0.15, 0.5)],
            body * 0.2,
            body * 0.1,
            int(rng.choice([1, 2])),
        ),
    ]
    if rng.random() < 0.4:
        limbs.append(Limb(rear * 0.6 + front * 0.4, rear * 0.3 + front * 0.7, body * 1.03, body * 1.03, 2))
    ear = body * rng.uniform(0.4, 0.9)
    foot = int(rng.choice([1, 1, 3]))
    for side in (1, -1):
        limbs.append(
            Limb(
                skull + [side * 0.3 * body, 0.2 * body, 0],
                skull + [side * 0.45 * body, 0.2 * body + ear, -0.1 * body],
                body * 0.17,
                body * 0.07,
                1,
            )
        )
        for end in (rear, front):
            hip = end + [side * 0.5 * body, -0.3 * body, 0]
            paw = np.array([hip[0], 0.03, hip[2] + rng.normal(0, 0.12)])
            limbs.append(Limb(hip, paw, body * 0.36, body * 0.18, 1))
            limbs.append(Limb(paw, paw + [0, 0, body * 0.2], body * 0.2, body * 0.17, foot))
    return grounded(limbs)


def turned(limbs: list[Limb], yaw: float) -> list[Limb]:
    """The limbs turned about the vertical axis by `yaw` radians."""
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    return [
        Limb(turn @ limb.start, turn @ limb.end, limb.start_radius, limb.end_radius, limb.part, limb.flat_end)
        for limb in limbs
    ]
