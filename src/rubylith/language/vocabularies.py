"""Which concepts a scene is made of when none is named, and which concepts are amorphous.

Outdoor: the classes of Cityscapes (cityscapes-dataset.com). Indoor: the commonest of ADE20K's indoor classes.
"""

from rubylith.language.nouns import singular

OUTDOOR = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
INDOOR = (
    "wall", "floor", "ceiling", "door", "window", "chair", "table", "bed", "sofa", "desk", "lamp", "person", "cabinet",
    "shelf", "curtain", "carpet", "picture", "mirror",
)  # fmt: skip
DEFAULT = tuple(dict.fromkeys((*OUTDOOR, *INDOOR[:12])))
SCENES = {
    OUTDOOR: "street road scene city town landscape outdoor outside outdoors exterior highway cityscape".split(),
    INDOOR: "room kitchen bedroom bathroom office interior indoor indoors inside apartment hallway classroom".split(),
    DEFAULT: ["scene", "image", "picture", "photo", "photograph", "frame", "screenshot"],
}  # fmt: skip
AMORPHOUS = frozenset(
    (
        "asphalt background beach bridge building cabinet carpet ceiling cloud counter crowd curtain dirt earth fence "
        "field fire floor fog foliage forest grass gravel ground hay hill horizon house ice lake land lawn leaf "
        "meadow mountain mud ocean path pavement platform pool railing river road rock roof rug sand sea shelf "
        "sidewalk sky smoke snow soil stair stairs stone street terrain track tree vegetation wall water wood"
    ).split()
)


def is_amorphous(concept: str) -> bool:
    """True for what cannot be counted, such as sky and trees: the stuff of COCO panoptic, in the words people use."""
    *_, last = ("", *concept.lower().split())
    return last in AMORPHOUS or singular(last) in AMORPHOUS


def is_vocabulary(names: tuple[str, ...]) -> bool:
    """True for the whole vocabulary of a kind of scene."""
    return names in SCENES


def of_scene(words: str) -> tuple[str, ...] | None:
    """The vocabulary of a scene that is named by itself, such as `street` or `living room`; None for anything else."""
    last = words.rpartition(" ")[2]
    if words == "road":  # a thing, unless it is a scene of one
        return None
    if last in {"scene", "view", "photo", "picture", "image"} and words != last:
        last = words.split()[-2]
    return next((vocabulary for vocabulary, scenes in SCENES.items() if last in scenes), None)
