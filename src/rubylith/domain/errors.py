"""Everything that can go wrong, as one tree.

RubylithError
├── Rejected           the caller can mend it
│   ├── InvalidImage       the bytes are not a picture we can read
│   ├── InvalidPrompt      points, boxes or options that make no sense for this picture
│   ├── TooLarge           over a limit on bytes or pixels
│   ├── UnknownName        a model, format or option value nobody has heard of
│   ├── NotFound           no such file
│   ├── NotReadable        a file is there, but may not be read or written
│   ├── LicenceNotAllowed  a model under a licence that nobody here has said yes to
│   └── InvalidSetting     a variable of the environment that makes no sense
├── Unavailable        not here, not now
│   ├── WeightsMissing     a model is known, but its files are not on this machine
│   ├── SourceUnreachable  the place that files come from does not answer, or cuts off
│   ├── WrongDigest        files that are not what they should be
│   └── NoRoom             a disk is full
└── Broken             our fault
    └── ModelFailed        a model gave up on a picture that intake had accepted
"""


class RubylithError(Exception):
    """What is wrong and how to mend it.

    message: names the thing and the limit. hint: what to do about it. Both without a final full stop.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}."


class Rejected(RubylithError):
    """The caller can mend it."""


class InvalidImage(Rejected):
    """The bytes are not a picture that can be read."""


class InvalidPrompt(Rejected):
    """Points, boxes or options that make no sense, alone or for this picture."""


class TooLarge(Rejected):
    """Over a limit on bytes or pixels."""


class UnknownName(Rejected):
    """A model, format or option value that does not exist."""

    @classmethod
    def among(cls, kind: str, name: str, known: tuple[str, ...]) -> "UnknownName":
        """`name` is no `kind`; the hint lists those that are."""
        return cls(f"There is no {kind} called {name!r}", f"Known {kind}s: {', '.join(known)}")


class NotFound(Rejected):
    """No such file or folder."""


class NotReadable(Rejected):
    """It exists, but the system refuses to open it."""


class LicenceNotAllowed(Rejected):
    """A model is under a licence of a class that nobody here has said yes to."""


class InvalidSetting(Rejected):
    """A variable of the environment has a value that makes no sense."""


class Unavailable(RubylithError):
    """Not here, or not now; the request itself is right."""


class WeightsMissing(Unavailable):
    """A model is known, but its files are not on this machine."""


class SourceUnreachable(Unavailable):
    """The place that files come from does not answer, or cuts off."""


class WrongDigest(Unavailable):
    """Files that are not what they should be, byte by byte."""


class NoRoom(Unavailable):
    """A disk is full."""


class Broken(RubylithError):
    """Our fault."""


class ModelFailed(Broken):
    """A model gave up on a picture that intake had accepted."""
