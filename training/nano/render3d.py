"""A small renderer: ellipsoids, boxes and cone frustums with a depth buffer, a shadow map and textured light (numba).

Every primitive is a unit shape (sphere, cube, frustum along z) under an affine map, so a ray is taken to the unit
shape, met there in closed form, and its distance along the ray holds in the scene as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

SPHERE, CUBE, FRUSTUM = range(3)
FAR = 1e9
GROUND = 2


@dataclass(frozen=True, slots=True)
class Solids:
    """The primitives of a scene, n of each array.

    kind (n,) int64; taper (n,) end radius over start radius of a frustum; centre (n, 3); inverse (n, 3, 3) scene to
    unit shape; reach (n,) radius of a sphere around it; owner, part (n,) object and part ids; material (n,) texture
    index; scale (n,) texture repeats a unit; gloss (n,) strength of the highlight.
    """

    kind: np.ndarray
    taper: np.ndarray
    centre: np.ndarray
    inverse: np.ndarray
    reach: np.ndarray
    owner: np.ndarray
    part: np.ndarray
    material: np.ndarray
    scale: np.ndarray
    gloss: np.ndarray


@njit(cache=True)
def meet(kind, taper, o, d, normal):  # noqa: PLR0912 - three closed forms side by side
    """Distance along the ray `o + t d` to a unit shape, FAR if missed; `normal` gets the outward direction there."""
    best = FAR
    if kind == 0:
        a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
        c = o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1.0
        h = b * b - a * c
        if h > 0:
            t = (-b - math.sqrt(h)) / a
            if t > 1e-6:
                best = t
                for i in range(3):
                    normal[i] = o[i] + t * d[i]
        return best
    if kind == 1:
        near, far, axis = -FAR, FAR, -1
        for i in range(3):
            if abs(d[i]) < 1e-12:
                if abs(o[i]) > 1:
                    return FAR
                continue
            t0, t1 = (-1.0 - o[i]) / d[i], (1.0 - o[i]) / d[i]
            if t0 > t1:
                t0, t1 = t1, t0
            if t0 > near:
                near, axis = t0, i
            far = min(far, t1)
        if near < far and near > 1e-6 and axis >= 0:
            for i in range(3):
                normal[i] = 0.0
            normal[axis] = -1.0 if d[axis] > 0 else 1.0
            best = near
        return best
    m, k = (1.0 + taper) / 2, (taper - 1.0) / 2
    w, v = m + k * o[2], k * d[2]
    a = d[0] * d[0] + d[1] * d[1] - v * v
    b = o[0] * d[0] + o[1] * d[1] - w * v
    c = o[0] * o[0] + o[1] * o[1] - w * w
    h = b * b - a * c
    if h > 0 and abs(a) > 1e-12:
        root = math.sqrt(h)
        for sign in (-1.0, 1.0):
            t = (-b + sign * root) / a
            z = o[2] + t * d[2]
            if 1e-6 < t < best and -1 <= z <= 1 and m + k * z >= 0:
                best = t
                normal[0], normal[1], normal[2] = o[0] + t * d[0], o[1] + t * d[1], -k * (m + k * z)
    if abs(d[2]) > 1e-12:
        for z in (-1.0, 1.0):
            t = (z - o[2]) / d[2]
            x, y, r = o[0] + t * d[0], o[1] + t * d[1], m + k * z
            if 1e-6 < t < best and x * x + y * y <= r * r:
                best = t
                normal[0], normal[1], normal[2] = 0.0, 0.0, z
    return best


@njit(cache=True)
def rasterize(kind, taper, centre, inverse, bounds, rays, depth, index, normals):
    """Keep the nearest primitive of every pixel.

    bounds (n, 4) first and last column and row to try; rays (6, 3): origin, its step a column and a row; direction, its
    step a column and a row (perspective moves the direction, a parallel view moves the origin); depth, index (H, W),
    normals (H, W, 3) are written in place, normals in scene axes, not normalised.
    """
    local, normal = np.zeros((6, 3)), np.zeros(3)
    o, d = np.zeros(3), np.zeros(3)
    for p in range(len(kind)):
        for r in range(6):
            for i in range(3):
                total = 0.0
                for j in range(3):
                    total += inverse[p, i, j] * (rays[r, j] - (centre[p, j] if r == 0 else 0.0))
                local[r, i] = total
        for row in range(bounds[p, 2], bounds[p, 3]):
            for column in range(bounds[p, 0], bounds[p, 1]):
                for i in range(3):
                    o[i] = local[0, i] + column * local[1, i] + row * local[2, i]
                    d[i] = local[3, i] + column * local[4, i] + row * local[5, i]
                t = meet(kind[p], taper[p], o, d, normal)
                if t < depth[row, column]:
                    depth[row, column], index[row, column] = t, p
                    for i in range(3):
                        normals[row, column, i] = (
                            inverse[p, 0, i] * normal[0] + inverse[p, 1, i] * normal[1] + inverse[p, 2, i] * normal[2]
                        )


@njit(cache=True)
def texel(textures, which, u, v, out):
    """Bilinear look-up in texture `which`, repeating; u and v count whole textures."""
    side = textures.shape[1]
    x, y = u * side, v * side
    left, top = math.floor(x), math.floor(y)
    fx, fy = x - left, y - top
    left, top = left % side, top % side
    right, low = (left + 1) % side, (top + 1) % side
    for c in range(3):
        upper = textures[which, top, left, c] * (1 - fx) + textures[which, top, right, c] * fx
        lower = textures[which, low, left, c] * (1 - fx) + textures[which, low, right, c] * fx
        out[c] = upper * (1 - fy) + lower * fy


@njit(cache=True)
def lit(point, light_map):
    """Share of light that reaches a point: 3 x 3 looks into the shadow map, whose depth runs along the light."""
    light_rays, step, shadow = light_map
    total = 0.0
    x, y, z = 0.0, 0.0, 0.0
    for i in range(3):
        away = point[i] - light_rays[0, i]
        x += away * light_rays[1, i]
        y += away * light_rays[2, i]
        z += away * light_rays[3, i]
    column, row = x / (step * step), y / (step * step)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            i, j = int(row + 0.5) + dy, int(column + 0.5) + dx
            if i < 0 or j < 0 or i >= shadow.shape[0] or j >= shadow.shape[1] or shadow[i, j] > z - 0.03:
                total += 1.0
    return total / 9


@njit(cache=True)
def surface(row, point, n, textures, colour):
    """The colour of an object's texture at a point, laid on along the axis that the surface faces most.

    row (8,): object, part, material, texture scale, gloss, centre.
    """
    x, y, z = point[0] - row[5], point[1] - row[6], point[2] - row[7]
    s, material = row[3], int(row[2])
    if abs(n[1]) > 0.7:
        texel(textures, material, x * s, z * s, colour)
    elif abs(n[0]) > 0.65:
        texel(textures, material, z * s, -y * s, colour)
    else:
        texel(textures, material, x * s, -y * s, colour)


@njit(cache=True)
def highlight(n, d, light):
    """Strength of the mirrored light (Blinn's half vector), 0..1, seen along the ray d."""
    length = math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
    half, norm = 0.0, 0.0
    for i in range(3):
        h = light[i] - d[i] / length
        half += n[i] * h
        norm += h * h
    return max(half / math.sqrt(norm), 0.0) ** 40


@njit(cache=True)
def shade(rays, seen, rows, textures, backdrop, light, look, light_map, out):
    """Colour every pixel and name its object and part; pixels above the ground's horizon keep `backdrop`.

    seen: depth, index, normals of `rasterize`; rows (n, 8): see `surface`; light (4,): direction to the light, ambient
    share; look (2,): texture scale of the ground, distance of full haze; light_map: rays, step and depth of the light's
    view; out: image (H, W, 3), objects and parts (H, W), written in place.
    """
    depth, index, normals = seen
    image, objects, parts = out
    point, colour, n = np.zeros(3), np.zeros(3), np.zeros(3)
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            d = rays[3] + column * rays[4] + row * rays[5]
            t, p = depth[row, column], index[row, column]
            if p < 0:
                if d[1] > -1e-4:
                    continue
                t = -rays[0, 1] / d[1]
            for i in range(3):
                point[i] = rays[0, i] + t * d[i]
            gloss = 0.0
            if p < 0:
                n[0], n[1], n[2] = 0.0, 1.0, 0.0
                texel(textures, 0, point[0] * look[0], point[2] * look[0], colour)
                objects[row, column] = parts[row, column] = GROUND
            else:
                normal = normals[row, column]
                length = math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + 1e-12
                for i in range(3):
                    n[i] = normal[i] / length
                surface(rows[p], point, n, textures, colour)
                objects[row, column], parts[row, column] = int(rows[p, 0]), int(rows[p, 1])
                gloss = rows[p, 4]
            facing = n[0] * light[0] + n[1] * light[1] + n[2] * light[2]
            reach = lit(point, light_map) if facing > 0 else 0.0
            level = light[3] * (0.75 + 0.25 * n[1]) + (1 - light[3]) * max(facing, 0.0) * reach * 1.3
            shine = 255 * gloss * highlight(n, d, light) * reach if gloss > 0 else 0.0
            haze = min(t / look[1], 1.0) ** 2 * 0.7
            for c in range(3):
                value = min(max(colour[c] * level + shine, 0.0), 255.0)
                image[row, column, c] = value * (1 - haze) + backdrop[row, column, c] * haze


def camera_rays(position: np.ndarray, target: np.ndarray, view: float, height: int, width: int) -> np.ndarray:
    """The six vectors of a perspective view: `view` is the picture's longest side at distance 1."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross([0, 1, 0], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    pixel = view / max(height, width)
    corner = forward + right * pixel * (0.5 - width / 2) - up * pixel * (0.5 - height / 2)
    return np.array([position, np.zeros(3), np.zeros(3), corner, right * pixel, -up * pixel])


def light_view(light: np.ndarray, extent: float, side: int) -> tuple[np.ndarray, float]:
    """The six vectors of a parallel view along the light over a square `extent` wide, and its pixel size."""
    down = -light
    right = np.cross([0.3, 1.0, 0.2], down)
    right /= np.linalg.norm(right)
    up = np.cross(down, right)
    step = extent / side
    origin = light * 30 - right * extent / 2 - up * extent / 2
    return np.array([origin, right * step, up * step, down, np.zeros(3), np.zeros(3)]), step


def perspective_bounds(solids: Solids, rays: np.ndarray, height: int, width: int) -> np.ndarray:
    """Columns and rows that can show each primitive; (n, 4) int64."""
    pixel = np.linalg.norm(rays[4])
    right, down = rays[4] / pixel, rays[5] / pixel
    forward = np.cross(right, -down)
    forward *= np.sign(forward @ rays[3])
    away = solids.centre - rays[0]
    distance = away @ forward
    near = np.maximum(distance - solids.reach, 1e-3)
    offset = np.array([rays[3] @ right, rays[3] @ down])
    bounds = np.empty((len(distance), 4))
    for axis, (direction, size) in enumerate(((right, width), (down, height))):
        side = away @ direction
        low = np.minimum((side - solids.reach) / near, (side - solids.reach) / (distance + solids.reach).clip(1e-3))
        high = np.maximum((side + solids.reach) / near, (side + solids.reach) / (distance + solids.reach).clip(1e-3))
        bounds[:, 2 * axis] = np.clip((low - offset[axis]) / pixel, 0, size)
        bounds[:, 2 * axis + 1] = np.clip((high - offset[axis]) / pixel + 1, 0, size)
    bounds[distance + solids.reach < 0] = 0
    return bounds.astype(np.int64)


def parallel_bounds(solids: Solids, rays: np.ndarray, step: float, side: int) -> np.ndarray:
    """The same for the light's view."""
    away = solids.centre - rays[0]
    middle = np.stack([away @ rays[1], away @ rays[2]], 1) / step**2
    reach = (solids.reach / step)[:, None]
    low, high = np.clip(middle - reach, 0, side), np.clip(middle + reach + 1, 0, side)
    return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1).astype(np.int64)


def buffers(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Empty depth, primitive and normal buffers."""
    return np.full((height, width), FAR), np.full((height, width), -1, np.int64), np.zeros((height, width, 3))


def render(
    solids: Solids, rays: np.ndarray, light: np.ndarray, look: np.ndarray, textures: np.ndarray, *, backdrop: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The scene on a ground plane at y = 0 before a painted backdrop.

    light (4,): unit direction to the light, ambient share; look (2,): see `shade`; textures (m, s, s, 3) float32, the
    first is the ground's; backdrop (H, W, 3) float32. Returns image (H, W, 3) float32, objects uint8 and parts uint16
    (H, W); 0 where the backdrop shows.
    """
    height, width = backdrop.shape[:2]
    shapes = solids.kind, solids.taper, solids.centre, solids.inverse
    seen, light_rays, step = buffers(height, width), *light_view(light[:3], 16.0, 256)
    rasterize(*shapes, perspective_bounds(solids, rays, height, width), rays, *seen)
    shadow = buffers(256, 256)
    rasterize(*shapes, parallel_bounds(solids, light_rays, step, 256), light_rays, *shadow)
    columns = solids.owner, solids.part, solids.material, solids.scale, solids.gloss, *solids.centre.T
    rows = np.stack(columns, 1).astype(np.float64)
    out = backdrop.copy(), np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint16)
    shade(rays, seen, rows, textures, backdrop, light, look, (light_rays, step, shadow[0]), out)
    return out
