"""Which concepts a scene is made of when none is named, and which concepts are amorphous.

Outdoor: the classes of Cityscapes (cityscapes-dataset.com). Indoor: the commonest of ADE20K's indoor classes.
"""

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
    "sky road street pavement sidewalk path track grass lawn meadow field ground soil dirt mud sand beach snow ice "
    "water sea ocean lake river pool wall floor ceiling carpet rug vegetation foliage terrain hill mountain forest "
    "tree cloud fog smoke fire building house fence bridge railing crowd background gravel rock stone asphalt "
    "platform hay leaves earth land horizon curtain".split()
)


def is_amorphous(concept: str) -> bool:
    """True for what cannot be counted, such as sky and grass: the stuff of COCO panoptic."""
    return concept.rpartition(" ")[2] in AMORPHOUS


def of_scene(words: str) -> tuple[str, ...] | None:
    """The vocabulary of a scene that is named by itself, such as `street` or `living room`; None for anything else."""
    last = words.rpartition(" ")[2]
    if words == "road":  # a thing, unless it is a scene of one
        return None
    if last in {"scene", "view", "photo", "picture", "image"} and words != last:
        last = words.split()[-2]
    return next((vocabulary for vocabulary, scenes in SCENES.items() if last in scenes), None)
