"""Vector art with a clean licence, as small rasters: silhouettes, and coloured drawings with their parts.

    python -m training.nano.art DATA          fetches the packages named in sources.toml and writes DATA/art.npz

Needs Node's `npm` (to fetch) and resvg_py (to draw). Nothing fetched is committed; versions are pinned in sources.toml.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

SIDE = 96
SOURCES = Path(__file__).with_name("sources.toml")
NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
SKIPPED = re.compile("skin|light|dark|medium|flag|keycap|letter|button|clock-|-oclock|thirty|brand|logo")


class ArtBank:
    """Arrays of an art.npz.

    silhouettes (n, 96, 96) uint8 alpha; drawings (m, 96, 96, 3) uint8 RGB; parts (m, 96, 96) uint8, 0 outside.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as arrays:
            self.silhouettes, self.drawings, self.parts = arrays["silhouettes"], arrays["drawings"], arrays["parts"]


def fetch(folder: Path) -> dict[str, Path]:
    """Unpack each npm source of sources.toml into `folder`; its package folder by name."""
    unpacked = {}
    for source in tomllib.loads(SOURCES.read_text())["source"]:
        if source["kind"] != "npm":
            continue
        target = folder / f"{source['name'].replace('/', '-').lstrip('@')}-{source['version']}"
        if not target.exists():
            packed = subprocess.run(
                ["npm", "pack", "--silent", f"{source['name']}@{source['version']}"],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
            archive = folder / packed.stdout.split()[-1]
            with tarfile.open(archive) as tar:
                tar.extractall(target, filter="data")
            archive.unlink()
        unpacked[source["name"]] = target / "package"
    return unpacked


def render(svg: str) -> np.ndarray | None:
    """The drawing as (96, 96, 4) uint8 RGBA, or None where it cannot be drawn."""
    import resvg_py

    try:
        png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE))
    except ValueError:
        return None
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.shape != (SIDE, SIDE, 4):
        return None
    return np.ascontiguousarray(picture[..., [2, 1, 0, 3]])


def parts_of(picture: np.ndarray) -> np.ndarray:
    """Connected areas of similar colour of an RGBA drawing, each at least 2 % of it; (96, 96) uint8, 0 outside."""
    inside = picture[..., 3] > 127
    lab = cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_RGB2LAB).astype(np.float32)
    cv2.setRNGSeed(1)
    _, cluster, _ = cv2.kmeans(
        lab[inside], 5, None, (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0), 1, cv2.KMEANS_PP_CENTERS
    )
    clusters = np.zeros(inside.shape, np.uint8)
    clusters[inside] = cluster.ravel() + 1
    clusters = cv2.medianBlur(clusters, 3) * inside
    seeds, count = np.zeros(inside.shape, np.int32), 0
    for value in range(1, 6):
        pieces, labels, stats, _ = cv2.connectedComponentsWithStats(
            (clusters == value).astype(np.uint8), connectivity=4
        )
        for piece in range(1, pieces):
            if stats[piece, cv2.CC_STAT_AREA] > 0.02 * inside.sum():
                count += 1
                seeds[labels == piece] = count
    if not count:
        return inside.astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        (seeds == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    part_of_label = np.zeros(nearest.max() + 1, np.int32)
    part_of_label[nearest[seeds > 0]] = seeds[seeds > 0]
    return (part_of_label[nearest] * inside).astype(np.uint8)


def icon_set(package: Path) -> Iterator[str]:
    """The SVG texts of an Iconify JSON package, in the order of their names."""
    icons = json.loads((package / "icons.json").read_text())
    for name in sorted(icons["icons"]):
        if SKIPPED.search(name):
            continue
        icon = icons["icons"][name]
        width, height = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
        yield f'<svg {NAMESPACES} viewBox="{box}">{icon["body"]}</svg>'


def outlines(package: Path) -> Iterator[str]:
    """The SVG texts of a package of plain filled icons."""
    for path in sorted((package / "icons" / "filled").glob("*.svg")) or sorted(
        (package / "icons").glob("*_24_filled.svg")
    ):
        if not SKIPPED.search(path.name):
            yield path.read_text().replace("currentColor", "#000")


def build(folder: Path) -> dict[str, int]:
    """Write folder/art.npz; the number of drawings kept from each package."""
    silhouettes, drawings, parts, kept = [], [], [], {}
    for name, package in fetch(folder).items():
        coloured = name.startswith("@iconify-json/")
        kept[name] = 0
        for svg in icon_set(package) if coloured else outlines(package):
            picture = render(svg)
            if picture is None or not 0.1 < (picture[..., 3] > 127).mean() < 0.95:
                continue
            kept[name] += 1
            if coloured:
                drawings.append(picture[..., :3])
                parts.append(parts_of(picture))
            else:
                silhouettes.append(picture[..., 3])
    np.savez_compressed(
        folder / "art.npz", silhouettes=np.array(silhouettes), drawings=np.array(drawings), parts=np.array(parts)
    )
    return kept


def main() -> None:
    """Fetch the art and make the bank."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder for packages and art.npz")
    folder = parser.parse_args().data
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in build(folder).items():
        print(f"{name}: {count} drawings")


if __name__ == "__main__":
    main()
