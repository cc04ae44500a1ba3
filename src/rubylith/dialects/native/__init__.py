"""Rubylith's own API under /v1: every prompt, every format, answers now or later.

Five parts in five files: wire (documents), read (wire → domain), write (domain → wire), errors, routes.
"""

from rubylith.dialects import Dialect
from rubylith.dialects.native.application import application
from rubylith.dialects.native.errors import write_too_large
from rubylith.dialects.native.write import write_files, write_webhook

DIALECT = Dialect(
    "/v1", application, write_too_large, write_files, write_webhook, sign=lambda own, _: own, files=("/uploads/",)
)
