"""Self-hosted image segmentation.

>>> import rubylith
>>> result = rubylith.segment("photo.jpg", points=[(450, 600)])
>>> result.save("out", formats=["overlay", "cutout"])

Everything in `__all__` is public; it is imported on first use, so that `import rubylith` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rubylith.domain.errors import (
        Broken,
        Conflict,
        Forbidden,
        InvalidEmbedding,
        InvalidImage,
        InvalidOrder,
        InvalidPrompt,
        InvalidSchema,
        InvalidSetting,
        LicenceNotAllowed,
        ModelFailed,
        NotAccessible,
        NotFound,
        NothingAsked,
        NothingFound,
        Overloaded,
        RateLimited,
        Rejected,
        RubylithError,
        SourceUnreachable,
        StorageFailed,
        TimedOut,
        TooLarge,
        TooManyPixels,
        Unauthorized,
        Unavailable,
        UnfillableSchema,
        UnknownName,
        UnknownWord,
        UnsafeAddress,
        UnsatisfiedSchema,
        WeightsMissing,
        WrongDigest,
    )
    from rubylith.domain.geometry import Box, Point, Size
    from rubylith.domain.image import Image
    from rubylith.domain.mask import Label, Mask
    from rubylith.domain.prompt import Mode, Overlap
    from rubylith.domain.rle import RLE
    from rubylith.library import Embedding, Segmentation, embed, segment
    from rubylith.service.intake import Limits

__version__ = "0.1.0"

__all__ = [
    "RLE",
    "Box",
    "Broken",
    "Conflict",
    "Embedding",
    "Forbidden",
    "Image",
    "InvalidEmbedding",
    "InvalidImage",
    "InvalidOrder",
    "InvalidPrompt",
    "InvalidSchema",
    "InvalidSetting",
    "Label",
    "LicenceNotAllowed",
    "Limits",
    "Mask",
    "Mode",
    "ModelFailed",
    "NotAccessible",
    "NotFound",
    "NothingAsked",
    "NothingFound",
    "Overlap",
    "Overloaded",
    "Point",
    "RateLimited",
    "Rejected",
    "RubylithError",
    "Segmentation",
    "Size",
    "SourceUnreachable",
    "StorageFailed",
    "TimedOut",
    "TooLarge",
    "TooManyPixels",
    "Unauthorized",
    "Unavailable",
    "UnfillableSchema",
    "UnknownName",
    "UnknownWord",
    "UnsafeAddress",
    "UnsatisfiedSchema",
    "WeightsMissing",
    "WrongDigest",
    "__version__",
    "embed",
    "segment",
]

_HOMES = {
    "rubylith.library": ("Embedding", "Segmentation", "embed", "segment"),
    "rubylith.service.intake": ("Limits",),
    "rubylith.domain.geometry": ("Box", "Point", "Size"),
    "rubylith.domain.image": ("Image",),
    "rubylith.domain.mask": ("Label", "Mask"),
    "rubylith.domain.prompt": ("Mode", "Overlap"),
    "rubylith.domain.rle": ("RLE",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF.get(name, "rubylith.domain.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
