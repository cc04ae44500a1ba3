"""One file per model family; each has `load() -> Segmenter`."""

NAMES = ("embedded",)
