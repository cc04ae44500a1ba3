"""`rubylith version`."""

import rubylith
from rubylith.cli._lines import tell


def command() -> int:
    """Print the version."""
    tell(rubylith.__version__)
    return 0
