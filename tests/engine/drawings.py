"""The drawings that the golden model is tested on, and what it is asked about the first. It has never seen them."""

from functools import cache

from benchmarks.golden.drawings import Drawing, draw_many
from benchmarks.golden_quality import interior, shapes_of, tight
from tests.engine.prompts import Case

SEED, SIZE = 7000, (180, 240)
THRESHOLDS = {"pred_iou_thresh": 0.5, "stability_score_thresh": 0.7}  # of everything; scores of a small model are low


@cache
def drawings(count: int = 6) -> tuple[Drawing, ...]:
    """Small ones."""
    return tuple(draw_many(SEED, count, SIZE))


def cases() -> dict[str, Case]:
    """Every kind of prompt, about the three largest shapes of the first drawing."""
    shapes = sorted(shapes_of(drawings()[0]), key=lambda shape: -shape.sum())[:3]
    places = [interior(shape) for shape in shapes]
    clicks = [(point.x, point.y) for point in places]
    boxes = [(box.x0, box.y0, box.x1, box.y1) for box in map(tight, shapes)]
    return {
        "click": Case([clicks[:1]], [[1]]),
        "three_objects": Case([[click] for click in clicks], [[1], [1], [1]]),
        "two_clicks": Case([clicks[:2]], [[1, 0]]),
        "box": Case(boxes=boxes[:1]),
        "three_boxes": Case(boxes=boxes),
        "box_and_click": Case([clicks[:1]], [[1]], boxes[:1]),
        "correction": Case([clicks[:2]], [[1, 0]], corrects=True),
        "box_correction": Case(boxes=boxes[:1], corrects=True),
    }
