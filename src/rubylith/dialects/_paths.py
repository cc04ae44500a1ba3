"""Addresses as people put them together: a base that ends in a slash doubles it, and some end in one too many."""

import re

from starlette.types import Scope


def mend_slashes(scope: Scope) -> None:
    """Make one of several slashes in a row, and none of one at the end; what mounts this application stays as it is."""
    mount = scope.get("root_path", "")
    scope["path"] = mount + (re.sub("/{2,}", "/", scope["path"].removeprefix(mount)).rstrip("/") or "/")
