"""What one click may mean: regions around it, from three sources.

Its ancestors in two hierarchies; what a random walk from it reaches before it leaves the picture; and what has its
colours rather than those of the picture's rim, after Rother, Kolmogorov, Blake, 'GrabCut', 2004, among superpixels.
"""

import numpy as np
import numpy.typing as npt

from rubylith.engine.embedded.picture import Picture
from rubylith.engine.embedded.products import pairwise_products

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

WALK_LEVELS = (0.1, 0.2, 0.35, 0.5, 0.7)  # probabilities of the walk from the click
COLOUR_LEVELS = (0.4, 0.5, 0.6)  # of being object rather than background
COLOUR_RADII = (0.04, 0.1, 0.2)  # sigma of the neighbourhood that shows the object's colours, in picture diagonals
NEAR_RADIUS = 0.15  # smaller neighbourhoods speak for three times their radius only
COLOUR_ROUNDS = 3  # how often the colours are learned anew
SOURCE_FEATURES = 7


def regions_around(picture: Picture, leaf: int, *, thorough: bool) -> tuple[BoolArray, FloatArray]:
    """Candidates as superpixels, (c, n) bool, and what their source says of them, (c, 7).

    The seven: persistence (0 to 1, how much dearer the next merge is), relative price of the next merge and of the
    last, log growth in the next merge; 1 if from the second hierarchy; from the walk; by colour.
    thorough: also those of the second hierarchy and the walk, which take most of the time and gain nothing beside the
    network's masks.
    """
    trees = [_ancestors(picture, leaf, second=second) for second in ((False, True) if thorough else (False,))]
    walks = _walks(picture, leaf) if thorough else np.zeros((0, len(picture.leaves.areas)), np.bool_)
    colours = _alike(picture, leaf)
    walk_features = np.zeros((len(walks), SOURCE_FEATURES))
    walk_features[:, 5] = 1
    colour_features = np.zeros((len(colours), SOURCE_FEATURES))
    colour_features[:, 6] = 1
    members = np.concatenate([*(tree for tree, _ in trees), walks, colours])
    return members, np.concatenate([*(features for _, features in trees), walk_features, colour_features])


def _ancestors(picture: Picture, leaf: int, *, second: bool) -> tuple[BoolArray, FloatArray]:
    tree = picture.second_hierarchy if second else picture.hierarchy
    nodes = tree.ancestors(leaf)
    parents = np.maximum(tree.parents[nodes], 0)
    members = np.zeros((len(nodes), len(tree.order)), np.bool_)
    for row, node in zip(members, nodes.tolist(), strict=True):
        row[tree.leaves_of(node)] = True
    top = max(float(tree.heights[-1]), 1e-6)
    price, own = tree.heights[parents], tree.heights[nodes]
    growth = np.log(tree.areas[parents] / tree.areas[nodes])
    none, flag = np.zeros(len(nodes)), np.full(len(nodes), float(second))
    return members, np.stack([(price - own) / (price + 1e-6), price / top, own / top, growth, flag, none, none], axis=1)


def _walks(picture: Picture, leaf: int) -> BoolArray:
    """Superpixels from which a walk meets the click before the picture's rim, at several levels: (5, n)."""
    leaves = picture.leaves
    rim = np.flatnonzero(leaves.border > 0)
    seeds = np.append(rim[rim != leaf], leaf)
    values = np.zeros(len(seeds))
    values[-1] = 1
    likely = picture.diffusion.spread(np.zeros(len(leaves.areas)), seeds, values)
    members = likely >= np.array(WALK_LEVELS)[:, None]
    members[:, leaf] = True
    return members


def _alike(picture: Picture, leaf: int) -> BoolArray:
    """Superpixels that look more like the click's surroundings than like the rim, and hang together: (9, n)."""
    leaves, likeness = picture.leaves, picture.likeness
    middles = (leaves.boxes[:, :2] + leaves.boxes[:, 2:]) / 2
    away = np.hypot(*(middles - middles[leaf]).T) / np.hypot(*leaves.labels.shape)
    seed, one = np.array([leaf]), np.ones(1)
    radii = np.array(COLOUR_RADII)[:, None]
    near = np.exp(-(away**2) / (2 * radii**2))  # (r, n)
    fore = leaves.areas * near
    fore[:, leaf] += leaves.areas[leaf]
    back = leaves.border * (1 - near) + 1e-6
    bound = np.where(radii < NEAR_RADIUS, np.exp(-(away**2) / (18 * radii**2)), 1)
    likely = np.zeros_like(near)
    for _ in range(COLOUR_ROUNDS):
        colours = np.concatenate([fore / fore.sum(axis=1, keepdims=True), back / back.sum(axis=1, keepdims=True)])
        like_fore, like_back = np.split(pairwise_products(colours.astype(np.float32), likeness), 2)
        share = like_fore / (like_fore + like_back + 1e-12)
        likely = np.clip(picture.colour_walks.spread(share, seed, one), 0, 1)
        inside = np.stack([leaves.component(part > 0.5, leaf) for part in likely * bound])
        fore, back = leaves.areas * inside * likely, leaves.areas * ~inside * (1 - likely) + 1e-6
    return np.array([leaves.component(part > level, leaf) for part in likely for level in COLOUR_LEVELS])
