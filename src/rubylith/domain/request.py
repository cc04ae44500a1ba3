"""What a caller asks for, in no vendor's words."""

from dataclasses import dataclass

from rubylith.domain.image import ImageSource
from rubylith.domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """A picture, what to cut out of it, with which model, and the formats the result is wanted in.

    formats: none where whoever asks writes the masks down. with_pixels: they draw on the picture, so the answer has it.
    """

    source: ImageSource
    prompt: Prompt
    model: str
    formats: tuple[str, ...] = ()
    with_pixels: bool = False
