"""Given objects → their masks."""

from dataclasses import replace

from rubylith.domain.mask import Mask
from rubylith.domain.prompt import Objects, check_objects
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Segmenter


def segment(segmenter: Segmenter, embedding: Embedding, objects: Objects) -> Segmentation:
    """One mask per object in the order asked, or with `multimask` up to three candidates of each, best first."""
    check_objects(objects, embedding.size)
    masks: list[Mask] = []
    for index, candidates in enumerate(segmenter.decode(embedding, objects.objects)):
        wanted = candidates if objects.multimask else candidates[:1]
        points = objects.objects[index].points
        masks += [replace(mask, object_index=index, points=points) for mask in wanted]
    return Segmentation(embedding.size, tuple(masks), disjoint=False, model=embedding.model)
