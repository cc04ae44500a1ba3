"""Given objects → their masks."""

from collections.abc import Sequence
from dataclasses import replace

from rubylith.domain.mask import Mask
from rubylith.domain.prompt import ObjectPrompt, Objects, check_objects, in_pixels
from rubylith.domain.segmentation import Segmentation
from rubylith.engine import Embedding, Progress, Segmenter
from rubylith.engine.progress import ignore, share_of

AT_A_TIME = 4  # objects between two looks at whether anybody still waits, and in one call of a decoder


def segment(
    segmenter: Segmenter, embedding: Embedding, objects: Objects, *, progress: Progress = ignore
) -> Segmentation:
    """One mask per object in the order asked, or with `multimask` up to three candidates of each, best first."""
    objects = in_pixels(objects, embedding.size)
    check_objects(objects, embedding.size)
    masks: list[Mask] = []
    rounds = objects.refinements + 1
    answers = decode(segmenter, embedding, objects.objects, progress=share_of(progress, 0, rounds))
    for number in range(1, rounds):
        refined = zip(objects.objects, answers, strict=True)
        corrected = [_corrected(prompt, candidates) for prompt, candidates in refined]
        answers = decode(segmenter, embedding, corrected, progress=share_of(progress, number, rounds))
    for index, candidates in enumerate(answers):
        wanted = candidates if objects.multimask else candidates[:1]
        points = objects.objects[index].points
        masks += [replace(mask, object_index=index, points=points) for mask in wanted]
    return Segmentation(embedding.size, tuple(masks), disjoint=False, model=embedding.provenance)


def decode(
    segmenter: Segmenter, embedding: Embedding, prompts: Sequence[ObjectPrompt], *, progress: Progress
) -> tuple[tuple[Mask, ...], ...]:
    """The candidates of each, a few at a time, so that work on many can be stopped between them."""
    answers: list[tuple[Mask, ...]] = []
    for start in range(0, len(prompts), AT_A_TIME):
        progress(start / len(prompts))
        answers += segmenter.decode(embedding, prompts[start : start + AT_A_TIME])
    progress(1.0)
    return tuple(answers)


def _corrected(prompt: ObjectPrompt, candidates: tuple[Mask, ...]) -> ObjectPrompt:
    """The prompt with its best answer so far, in the model's own logits where it gives them."""
    if not candidates:
        return prompt
    best = candidates[0]
    return replace(prompt, previous=best.rle if best.low_res_logits is None else best.low_res_logits)
