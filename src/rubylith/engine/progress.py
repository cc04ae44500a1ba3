"""Callbacks that work calls as it goes on: they hear how far it is, and may stop it by raising."""

from rubylith.engine import Progress


def ignore(share_done: float, /) -> None:
    """For callers who do not want one."""


def share_of(progress: Progress, index: int, count: int) -> Progress:
    """For the part number `index` of `count` equal ones, which says its own share from 0 to 1."""
    return between(progress, index / count, (index + 1) / count)


def between(progress: Progress, first: float, last: float) -> Progress:
    """For the part of the work that takes it from `first` to `last`, which says its own share from 0 to 1."""

    def report(share: float, /) -> None:
        progress(first + share * (last - first))

    return report
