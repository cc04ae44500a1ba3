"""Generated scenes: what the network learns from. `make_scene(seed, index)` is a pure function of its arguments.

python -m training.nano.scenes DATA sheet.jpg       a contact sheet and the time a scene takes
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.nano import solids
from training.nano.art import ArtBank
from training.nano.backdrops import Backdrop, any_backdrop, outdoors
from training.nano.camera import photograph
from training.nano.render3d import camera_rays, render
from training.nano.shapes import Materials, any_object, blob
from training.nano.textures import TextureBank, natural_colour

SIDE = 288
FIRST_OBJECT = 16
LAST_OBJECT = 250
KINDS = ("leaves", "standing", "crowd", "portrait", "cluster", "solid", "solid crowd")
SHARES = (0.24, 0.12, 0.10, 0.10, 0.08, 0.22, 0.14)


@dataclass(frozen=True, slots=True)
class Scene:
    """A photograph-like picture with exact masks.

    image (H, W, 3) uint8 RGB; objects (H, W) uint8, background regions 1..15, objects from 16; parts (H, W) uint16, a
    finer map whose parts lie inside objects.
    """

    image: np.ndarray
    objects: np.ndarray
    parts: np.ndarray


class Canvas:
    """A backdrop onto which objects are pasted, farthest first."""

    def __init__(self, backdrop: Backdrop) -> None:
        self.image, self.objects, self.parts, self.horizon = (
            backdrop.image,
            backdrop.objects,
            backdrop.parts,
            backdrop.horizon,
        )
        self.next_object, self.next_part = FIRST_OBJECT, 100

    def paste(
        self,
        rng: np.random.Generator,
        colour: np.ndarray,
        parts: np.ndarray,
        *,
        left: int,
        top: int,
        shadow: bool = False,
    ) -> None:
        """Put an object in, with soft edges; what is outside the picture is cut off."""
        side, (height, width) = parts.shape[0], self.objects.shape
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
        if x1 - x0 < 3 or y1 - y0 < 3 or self.next_object > LAST_OBJECT:
            return
        if shadow:
            self.cast_shadow(rng, parts, left, top)
        window, source = np.s_[y0:y1, x0:x1], np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        inside = parts[source] > 0
        alpha = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), rng.uniform(0.35, 0.9))[..., None]
        self.image[window] = self.image[window] * (1 - alpha) + colour[source] * alpha
        self.objects[window][inside] = self.next_object
        self.parts[window][inside] = (parts[source].astype(np.uint16) + self.next_part)[inside]
        self.next_object += 1
        self.next_part += 40

    def cast_shadow(self, rng: np.random.Generator, parts: np.ndarray, left: int, top: int) -> None:
        """Darken what lies behind an object, shifted a little."""
        side, (height, width) = parts.shape[0], self.objects.shape
        left, top = left + int(rng.normal(0, 0.08) * side), top + int(rng.normal(0.04, 0.08) * side)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
        if x1 - x0 < 3 or y1 - y0 < 3:
            return
        soft = cv2.GaussianBlur((parts > 0).astype(np.float32), (0, 0), max(0.6, side * rng.uniform(0.01, 0.07)))
        self.image[y0:y1, x0:x1] *= (1 - rng.uniform(0.2, 0.65) * soft[y0 - top : y1 - top, x0 - left : x1 - left])[
            ..., None
        ]


def picture_size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width: square, landscape or portrait."""
    if rng.random() < 0.3:
        return SIDE, SIDE
    short = int(SIDE * rng.uniform(0.62, 0.8))
    return (short, SIDE) if rng.random() < 0.6 else (SIDE, short)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between the two, even on a logarithmic scale."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def add_leaves(rng: np.random.Generator, materials: Materials, canvas: Canvas) -> None:
    """Objects of all kinds anywhere, one over another (dead leaves)."""
    height, width = canvas.objects.shape
    count = int(rng.choice([1, 2, 3, 4, 6, 8, 12, 16], p=[0.08, 0.12, 0.16, 0.18, 0.18, 0.14, 0.09, 0.05]))
    for _ in range(count):
        side = max(20, int(SIDE * (log_uniform(rng, 0.1, 1.0) if count < 8 else log_uniform(rng, 0.08, 0.6))))
        colour, parts = any_object(rng, materials, side)
        left, top = (
            int(rng.uniform(-0.35 * side, width - 0.65 * side)),
            int(rng.uniform(-0.35 * side, height - 0.65 * side)),
        )
        canvas.paste(rng, colour, parts, left=left, top=top, shadow=rng.random() < 0.4)


def add_standing(
    rng: np.random.Generator, materials: Materials, canvas: Canvas, kinds: tuple[str, ...], count: int
) -> None:
    """Objects with their feet on the ground, smaller toward the horizon."""
    height, width = canvas.objects.shape
    horizon = min(canvas.horizon, int(height * 0.85))
    eye = rng.uniform(0.7, 1.6) * (height - horizon)
    for depth in np.sort(rng.uniform(0.12, 1.15, count)):
        foot = horizon + depth * (height - horizon)
        kind = kinds[rng.integers(len(kinds))]
        side = int(
            np.clip(
                eye * depth * rng.uniform(0.75, 1.1) * (1.4 if kind in ("vehicle", "building") else 1.0), 18, 1.2 * SIDE
            )
        )
        colour, parts = any_object(rng, materials, side, kind)
        canvas.paste(
            rng,
            colour,
            parts,
            left=int(rng.uniform(-0.3 * side, width - 0.7 * side)),
            top=int(foot - side),
            shadow=rng.random() < 0.3,
        )


def add_portrait(rng: np.random.Generator, materials: Materials, canvas: Canvas) -> None:
    """One large person or face, perhaps with a few things around."""
    height, width = canvas.objects.shape
    kind = "person" if rng.random() < 0.75 else "face"
    side = int(max(height, width) * (rng.uniform(0.75, 1.3) if kind == "person" else rng.uniform(0.6, 1.05)))
    colour, parts = any_object(rng, materials, side, kind)
    canvas.paste(
        rng,
        colour,
        parts,
        left=int(width / 2 - side / 2 + rng.normal(0, 0.12) * width),
        top=int(height - side + rng.uniform(-0.08, 0.35) * side * (side > height)),
    )
    for _ in range(int(rng.integers(0, 3))):
        small = int(SIDE * log_uniform(rng, 0.08, 0.35))
        colour, parts = any_object(rng, materials, max(20, small))
        canvas.paste(
            rng, colour, parts, left=int(rng.uniform(0, width) - small / 2), top=int(rng.uniform(0, height) - small / 2)
        )


def add_cluster(rng: np.random.Generator, materials: Materials, canvas: Canvas) -> None:
    """Many alike: nuclei, fruit, pebbles, cattle; each an object."""
    height, width = canvas.objects.shape
    size = max(12, int(SIDE * log_uniform(rng, 0.04, 0.22)))
    kind = rng.choice(["oval", "blob", "any"], p=[0.45, 0.25, 0.3])
    coat = materials.textures.patch(rng, int(size * 1.3) + 4, int(size * 1.3) + 4)
    model = any_object(rng, materials, size)
    for _ in range(int(rng.integers(8, 50))):
        side = int(size * rng.uniform(0.75, 1.25))
        if kind == "any":
            colour = cv2.resize(model[0], (side, side)) + np.float32(rng.normal(0, 8))
            parts = cv2.resize(model[1], (side, side), interpolation=cv2.INTER_NEAREST)
        else:
            colour, parts = coat[:side, :side] + np.float32(rng.normal(0, 8)), np.zeros((side, side), np.uint8)
            if kind == "blob":
                parts = blob(rng, side)
            else:
                axes = (int(side * 0.45), int(side * rng.uniform(0.25, 0.45)))
                cv2.ellipse(parts, (side // 2, side // 2), axes, rng.uniform(0, 180), 0, 360, 1, -1)
        canvas.paste(
            rng,
            colour,
            parts,
            left=int(rng.uniform(-side / 2, width - side / 2)),
            top=int(rng.uniform(-side / 2, height - side / 2)),
        )


def flat_scene(rng: np.random.Generator, materials: Materials, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scene pasted together from flat objects: image float32, objects, parts."""
    height, width = picture_size(rng)
    grounded = kind in ("standing", "crowd")
    backdrop = (
        outdoors(rng, materials.textures, height, width)
        if grounded and rng.random() < 0.7
        else any_backdrop(rng, materials.textures, height, width)
    )
    canvas = Canvas(backdrop)
    if kind == "leaves":
        add_leaves(rng, materials, canvas)
    elif kind == "standing":
        add_standing(
            rng,
            materials,
            canvas,
            ("person", "animal", "vehicle", "drawing", "building", "blob"),
            int(rng.integers(2, 9)),
        )
    elif kind == "crowd":
        add_standing(rng, materials, canvas, ("person",) * 5 + ("vehicle",), int(rng.integers(2, 14)))
    elif kind == "portrait":
        add_portrait(rng, materials, canvas)
    else:
        add_cluster(rng, materials, canvas)
    return canvas.image, canvas.objects, canvas.parts


def place_solids(rng: np.random.Generator, *, crowd: bool) -> list[solids.Solid]:
    """One to a dozen solid objects around the origin; in a crowd mostly people, close together."""
    count = int(rng.integers(3, 13)) if crowd else int(rng.integers(2, 10))
    span, model = rng.uniform(0.7, 2.4), None
    alike = not crowd and rng.random() < 0.2
    made = []
    for _ in range(count):
        if model is None or not alike:
            model = solids.person(rng) if crowd and rng.random() < 0.85 else solids.any_solid(rng)[1]
            model = solids.scaled(model, 1.0 if crowd else log_uniform(rng, 0.6, 1.5))
        place = np.array(
            [rng.uniform(-span, span), rng.uniform(0, 1.2) if rng.random() < 0.06 else 0.0, rng.uniform(-span, span)]
        )
        made.append(solids.placed(model, place, rng.uniform(0, 2 * math.pi)))
    return made


def solid_scene(
    rng: np.random.Generator, materials: Materials, *, crowd: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A rendered scene on a ground plane before a painted backdrop: image float32, objects, parts."""
    height, width = picture_size(rng)
    made = place_solids(rng, crowd=crowd)
    bank, texture_count = materials.textures, 16
    textures = np.stack([bank.patch(rng, 128, 128) for _ in range(texture_count)]).astype(np.float32)
    for slot, kind in ((0, "ground"), (1, "skin"), (2, "hair"), (3, "skin")):
        if rng.random() < 0.75:
            textures[slot] = bank.tinted(rng, 128, 128, natural_colour(rng, kind))
    surfaces, one = [], rng.random(len(made)) < 0.12
    for number in range(len(made)):
        drawn = rng.integers(4, texture_count, 20)
        drawn[1:3] = (rng.choice([1, 3]), 2) if crowd else drawn[1:3]
        surfaces.append(
            dict.fromkeys(range(20), int(drawn[0])) if one[number] else {part: int(drawn[part]) for part in range(20)}
        )
    scales = [log_uniform(rng, 0.2, 2.0) for _ in made]
    gloss = [rng.uniform(0, 0.7) if rng.random() < 0.25 else 0.0 for _ in made]
    arrays = solids.gather(made, surfaces, scales, gloss, first_object=FIRST_OBJECT)
    rays, light, look = viewpoint(rng, height, width, middle_of(made[rng.integers(len(made))]), crowd=crowd)
    backdrop = any_backdrop(rng, bank, height, width)
    image, objects, parts = render(arrays, rays, light, look, textures, backdrop=backdrop.image)
    behind = objects == 0
    objects[behind], parts[behind] = backdrop.objects[behind], backdrop.parts[behind]
    return image, objects, parts


def middle_of(solid: solids.Solid) -> np.ndarray:
    """The mean of an object's primitives, (3,)."""
    return np.mean([centre for _, _, centre, _, _ in solid.primitives], 0)


def viewpoint(
    rng: np.random.Generator, height: int, width: int, middle: np.ndarray, *, crowd: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Camera rays toward about `middle`, light (direction, ambient share) and ground look of a rendered scene."""
    distance, around = log_uniform(rng, 1.8, 6.0), rng.uniform(0, 2 * math.pi)
    tilt = rng.uniform(0.02, 0.45) if crowd else rng.uniform(0.05, 0.95)
    target = middle + [rng.normal(0, 0.25), rng.normal(0, 0.2), rng.normal(0, 0.25)]
    position = target + distance * np.array(
        [math.cos(tilt) * math.sin(around), math.sin(tilt), math.cos(tilt) * math.cos(around)]
    )
    position[1] = max(position[1], 0.3)
    light = np.array([rng.normal(), rng.uniform(0.4, 1.8), rng.normal()])
    light /= np.linalg.norm(light)
    rays = camera_rays(position, target, rng.uniform(0.6, 1.3), height, width)
    return rays, np.append(light, rng.uniform(0.4, 0.85)), np.array([rng.uniform(0.1, 0.7), log_uniform(rng, 12, 200)])


def make_scene(seed: int, index: int, materials: Materials) -> Scene:
    """Scene number `index` of the stream `seed`."""
    rng = np.random.default_rng([seed, 1, index])
    kind = KINDS[rng.choice(len(KINDS), p=SHARES)]
    if kind.startswith("solid"):
        image, objects, parts = solid_scene(rng, materials, crowd=kind == "solid crowd")
    else:
        image, objects, parts = flat_scene(rng, materials, kind)
    return Scene(photograph(rng, image), objects, parts)


def load_materials(data: Path | None, *, textures: int = 420) -> Materials:
    """The textures, cached in `data`, and the vector art where `data`/art.npz exists."""
    if data is None:
        return Materials(TextureBank(count=textures))
    art = data / "art.npz"
    return Materials(
        TextureBank(count=textures, cache=data / f"textures-{textures}.npy"), ArtBank(art) if art.exists() else None
    )


def main() -> None:
    """Write a contact sheet of scenes beside their part maps; print milliseconds a scene."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    materials = load_materials(arguments.data)
    make_scene(arguments.seed, 0, materials)
    started, cells = time.perf_counter(), []
    scenes = [make_scene(arguments.seed, index, materials) for index in range(40)]
    print(f"{(time.perf_counter() - started) / len(scenes) * 1e3:.1f} ms a scene")
    for scene in scenes:
        cell = np.zeros((2 * SIDE, SIDE, 3), np.uint8)
        height, width = scene.objects.shape
        cell[:height, :width] = scene.image[..., ::-1]
        cell[SIDE : SIDE + height, :width] = cv2.applyColorMap(
            (scene.parts.astype(np.int64) * 57 % 253).astype(np.uint8), cv2.COLORMAP_JET
        )
        cells.append(cell)
    cv2.imwrite(str(arguments.sheet), np.vstack([np.hstack(cells[row : row + 10]) for row in range(0, 40, 10)]))


if __name__ == "__main__":
    main()
