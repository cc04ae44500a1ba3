"""The golden model's graphs, and what transformers says with it: the reference for tests without PyTorch.

    python -m tests.reference.golden tests/fixtures/golden

reads the checkpoint in `checkpoint/` there, and writes the graphs and the reference outputs beside it.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tests.engine.drawings import THRESHOLDS, cases, drawings
from tests.reference.tiny import reference
from transformers import SamModel, pipeline
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil, _rle_to_mask

from rubylith.engine.export.sources import from_transformers
from rubylith.engine.export.write import export
from rubylith.engine.refine import box_nms

EVERYTHING = 3  # drawings


class Processor(SamImageProcessorPil):
    """transformers' own, but for the one step that needs torchvision, of which there is none for this PyTorch."""

    def post_process_for_mask_generation(
        self, all_masks: Any, all_scores: Any, all_boxes: Any, crops_nms_thresh: float
    ):
        """Non-maximum suppression."""
        kept = box_nms(all_boxes.numpy().astype(np.float64), all_scores.numpy(), crops_nms_thresh)
        rles = [all_masks[index] for index in kept]
        return [_rle_to_mask(rle) for rle in rles], all_scores[kept], rles, all_boxes[kept]


def everything(model: SamModel, pixels: np.ndarray, **options: float) -> np.ndarray:
    """(N, H, W) bool: masks of transformers' mask-generation pipeline, best first."""
    side = model.prompt_encoder.input_image_size
    processor = Processor(size={"longest_edge": side}, pad_size={"height": side, "width": side})
    generate = pipeline("mask-generation", model=model, image_processor=processor)
    return np.array(generate(Image.fromarray(pixels), **options)["masks"], bool)


def main() -> None:
    """Write all into the folder named first."""
    folder = Path(sys.argv[1])
    model = SamModel.from_pretrained(folder / "checkpoint").eval()
    print(export(from_transformers(model), folder, precision="int8", say=print))
    arrays = reference(model, "sam", drawings()[0].pixels, cases())
    with torch.no_grad():
        for index, drawing in enumerate(drawings()[:EVERYTHING]):
            masks = everything(model, drawing.pixels, **THRESHOLDS)
            print(f"everything: {len(masks)} masks")
            arrays[f"everything{index}"] = np.packbits(masks, axis=-1)
    np.savez_compressed(folder / "reference.npz", **arrays)


if __name__ == "__main__":
    main()
