"""Given objects → their masks."""

from dataclasses import replace

from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt, Objects, check_objects, in_pixels
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Segmenter


def segment(segmenter: Segmenter, embedding: Embedding, objects: Objects) -> Segmentation:
    """One mask per object in the order asked, or with `multimask` up to three candidates of each, best first."""
    objects = in_pixels(objects, embedding.size)
    check_objects(objects, embedding.size)
    masks: list[Mask] = []
    answers = segmenter.decode(embedding, objects.objects)
    for _ in range(objects.refinements):
        refined = zip(objects.objects, answers, strict=True)
        answers = segmenter.decode(embedding, [_corrected(prompt, candidates) for prompt, candidates in refined])
    for index, candidates in enumerate(answers):
        wanted = candidates if objects.multimask else candidates[:1]
        points = objects.objects[index].points
        masks += [replace(mask, object_index=index, points=points) for mask in wanted]
    return Segmentation(embedding.size, tuple(masks), disjoint=False, model=embedding.provenance)


def _corrected(prompt: ObjectPrompt, candidates: tuple[Mask, ...]) -> ObjectPrompt:
    """The prompt with its best answer so far, in the model's own logits where it gives them."""
    if not candidates:
        return prompt
    best = candidates[0]
    return replace(prompt, previous=best.rle if best.low_res_logits is None else best.low_res_logits)
