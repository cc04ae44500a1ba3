"""VLM Run's agent chat, as the `openai` and `vlmrun` clients speak it: structured answers in any schema.

Compared with docs.vlm.run and with openai 1.109 and 3.52 and vlmrun 0.9.2 on 2026-11-20. Fixed here where the vendor
says nothing: errors have OpenAI's shape (400 where its reference shows a 422), links to masks live for a day,
coordinates are shares of the picture unless the schema says otherwise. Batch agents (`agent/…`) are not here.
"""

from rubylith.dialects import Dialect
from rubylith.dialects.vlmrun.application import application
from rubylith.dialects.vlmrun.artifacts import own_link
from rubylith.dialects.vlmrun.errors import write_too_large
from rubylith.dialects.vlmrun.write import write_files, write_webhook

DIALECT = Dialect(
    "/vlmrun",
    application,
    write_too_large,
    write_files,
    write_webhook,
    sign=lambda own, _: own,
    files=("/v1/uploads/",),
    own_link=own_link,
)
