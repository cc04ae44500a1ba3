"""Answers in any JSON schema: what the caller's schema asks for is found by names, descriptions and types.

`planning.plan(schema, text)` decides, before any picture is opened, what goes into every field, or refuses and names
every field that nothing can go into. `filling.fill(plan, segmentation, pictures)` writes the document, which satisfies
the schema or is not given at all. Files: checks (is it a schema?), patterns (matched in linear time), shapes
(references, unions, types), names (words of property names), results (masks as an answer shows them), the roles in
their order (boxes with their orders, outlines, files, figures, texts), planning, rehearsal, reasons, filling, faults.
"""

from dataclasses import dataclass, field
from typing import Protocol

from rubylith.domain.rle import RLE


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that an answer refers to. id: `img_` and six hexadecimal digits. data: the bytes of a PNG."""

    id: str
    url: str
    data: bytes = field(repr=False)


class Pictures(Protocol):
    """Makes the files that an answer refers to, each when it is first asked for."""

    def mask(self, rle: RLE) -> Picture:
        """A mask as a grey PNG of the picture's size, 255 where it is."""
        ...

    def label_map(self) -> Picture:
        """All masks in one grey PNG, a number each."""
        ...

    def overlay(self) -> Picture:
        """All masks in their colours over the picture."""
        ...

    def address(self, picture: Picture) -> str:
        """The id, `url_` and six hexadecimal digits, of a file that holds the picture's URL as text."""
        ...
