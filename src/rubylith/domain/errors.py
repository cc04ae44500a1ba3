"""Everything that can go wrong, as one tree.

RubylithError
├── Rejected           the caller can mend it
│   ├── InvalidImage       the bytes are not a picture we can read
│   ├── InvalidPrompt      points, boxes or options that make no sense for this picture
│   ├── NothingAsked       words that name nothing to look for
│   ├── InvalidSchema      a JSON schema that is none, or too large
│   ├── UnfillableSchema   a JSON schema with fields that nothing of ours goes into
│   ├── UnsatisfiedSchema  what was found makes no document that the caller's schema allows
│   ├── NothingFound       an answer must tell of one thing, and none was found
│   ├── InvalidOrder       a job taken on although nothing can come of it, so that its fault is told as a result
│   ├── TooLarge           over a limit on bytes or pixels
│   │   └── TooManyPixels      over the one on pixels
│   ├── UnknownName        a model, format or option value nobody has heard of
│   ├── UnknownWord        no detector on this machine knows what is asked for
│   ├── LicenceNotAllowed  a model under a licence that nobody here has said yes to
│   ├── Unauthorized       no key, or one that nobody gave out
│   ├── Forbidden          the key, or the signed URL, does not reach that far
│   ├── NotFound           no such file, job or object
│   ├── NotAccessible      a file is there, but may not be read or written
│   ├── InvalidSetting     a variable of the environment that makes no sense
│   ├── Conflict           it clashes with what is already there
│   └── UnsafeAddress      a URL that leads where nothing is fetched from and nothing sent to
├── Unavailable        try again later; says when
│   ├── Overloaded         the queue is full
│   ├── RateLimited        this caller has had its share
│   ├── WeightsMissing     a model is known, but its files are not on this machine
│   ├── WrongDigest        files that are not what they should be
│   ├── SourceUnreachable  another server did not give what was asked of it
│   └── TimedOut           it took longer than allowed
└── Broken             our fault
    ├── ModelFailed        a model gave up on a picture that intake had accepted
    └── StorageFailed      the object store or the database did not do as told
"""

import errno
from difflib import get_close_matches


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


class InvalidEmbedding(Rejected):
    """A file that holds no embedding, a damaged one, or one that the model here cannot read."""


class InvalidPrompt(Rejected):
    """Points, boxes or options that make no sense, alone or for this picture."""


class NothingAsked(Rejected):
    """Words that name nothing to look for."""


class InvalidSchema(Rejected):
    """A JSON schema that is none, that is too large, or that points outside itself."""


class UnfillableSchema(Rejected):
    """A JSON schema with required fields that nothing of ours goes into. `fields`: their paths."""

    def __init__(self, message: str, hint: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, fields)
        self.fields = fields


class UnsatisfiedSchema(Rejected):
    """The picture was looked at, but what was found makes no document that the caller's schema allows."""


class NothingFound(Rejected):
    """An answer must tell of one thing, and none was found."""


class InvalidOrder(Rejected):
    """A job that was taken on although nothing can come of it: some doors tell faults as results."""


class TooLarge(Rejected):
    """Over a limit on bytes or pixels."""


class TooManyPixels(TooLarge):
    """Over the limit on pixels, whatever the number of bytes."""


class UnknownName(Rejected):
    """A model, format or option value that does not exist."""

    @classmethod
    def among(cls, kind: str, name: str, known: tuple[str, ...]) -> "UnknownName":
        """`name` is no `kind`; the hint lists those that are, the nearest first if one is near."""
        near = get_close_matches(name.lower(), known, n=3)
        guess = f"Did you mean {' or '.join(near)}? " if near else ""
        return cls(f"There is no {kind} called {name!r}", f"{guess}Known {kind}s: {', '.join(known)}")


class Unauthorized(Rejected):
    """No key was given, or one that is unknown or revoked."""


class Forbidden(Rejected):
    """The key lacks the scope, or a signed URL was altered, has expired or is for something else."""


class NotFound(Rejected):
    """No such file, folder, job or object; another caller's counts as none."""


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


class UnknownWord(Rejected):
    """No detector on this machine knows what is asked for."""


class LicenceNotAllowed(Rejected):
    """A model is under a licence of a class that nobody here has said yes to."""


class InvalidSetting(Rejected):
    """A variable of the environment has a value that makes no sense."""


class Conflict(Rejected):
    """It clashes with what is already there: a finished job, an idempotency key used for another order."""


class UnsafeAddress(Rejected):
    """A URL that leads where nothing is fetched from and nothing sent to."""


class Unavailable(RubylithError):
    """Try again after `retry_after_seconds`; 0 where the same would come of it."""

    def __init__(self, message: str, hint: str, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, retry_after_seconds)  # all three, so that a copy or a pickle keeps them
        self.retry_after_seconds = retry_after_seconds


class Overloaded(Unavailable):
    """The queue is full."""


class RateLimited(Unavailable):
    """This caller has had its share for now."""


class SourceUnreachable(Unavailable):
    """Another server could not be reached, or did not give what was asked of it."""


class WeightsMissing(Unavailable):
    """A model is known, but its files are not on this machine."""


class WrongDigest(Unavailable):
    """Files that are not what they should be, byte by byte."""


class TimedOut(Unavailable):
    """It took longer than allowed."""


class Broken(RubylithError):
    """Our fault."""


class ModelFailed(Broken):
    """A model gave up on a picture that intake had accepted."""


class StorageFailed(Broken):
    """The object store or the database did not do as told."""
