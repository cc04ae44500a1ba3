"""Everything that can go wrong, as one tree.

RubylithError
├── Rejected           the caller can mend it
│   ├── InvalidImage       the bytes are not a picture we can read
│   ├── InvalidPrompt      points, boxes or options that make no sense for this picture
│   ├── TooLarge           over a limit on bytes or pixels
│   ├── UnknownName        a model, format or option value nobody has heard of
│   ├── NotFound           no such file
│   ├── NotAccessible      a file is there, but may not be read or written
│   └── InvalidSetting     a variable of the environment that makes no sense
└── Broken             our fault
    └── ModelFailed        a model gave up on a picture that intake had accepted
"""


import errno


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


class NotAccessible(Rejected):
    """It exists, but the system refuses to read or write it."""

    @classmethod
    def writing(cls, what: object, error: OSError) -> "NotAccessible":
        """`what` could not be written; the hint depends on why."""
        hints = {
            errno.ENOSPC: "Free some space or choose another folder",
            errno.EDQUOT: "Free some space or choose another folder",
            errno.EACCES: "Mend the permissions or choose another folder",
            errno.EPERM: "Mend the permissions or choose another folder",
            errno.EROFS: "Mend the permissions or choose another folder",
        }
        hint = hints.get(error.errno or 0, "Choose another folder for the results")
        return cls(f"{what} cannot be written: {error.strerror or error}", hint)


class InvalidSetting(Rejected):
    """A variable of the environment has a value that makes no sense."""


class Broken(RubylithError):
    """Our fault."""


class ModelFailed(Broken):
    """A model gave up on a picture that intake had accepted."""
