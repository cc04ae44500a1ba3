"""fal: its queue, direct runs, uploads and webhooks, for the models on pictures that point, and those that take words.

Compared 2026-11-20 with https://fal.ai/models/fal-ai/sam2/auto-segment/api, https://docs.fal.ai and the clients npm
`@fal-ai/client` 1.10.1 and PyPI `fal-client` 1.0.3. The hosts of the vendor are the paths queue, run, rest and cdn.

Where the vendor leaves something open:

* `combined_mask` is the grey union of all masks, the single ones are 255 on 0, biggest first; nothing found gives an
  empty list and a black picture.
* `null` for an optional field is an error. A body that is no JSON object is refused at once with 422; every other
  fault of an input is told as the result of a request that was taken on.
* A cancelled request is COMPLETED with `client_cancelled`, and its result is 499.
* `fal-ai/sam2/image` without prompts cuts out what the picture is of; `apply_mask` leaves the picture where the mask is
  and black, transparent where the format can be, elsewhere.
* SAM 3 without `return_multiple_masks` gives one mask; points and boxes go before words; `rle` is COCO's compressed
  counts.
* Words that nobody here knows are the model's error `feature_not_supported`, told as the result.
* With no key in the request the answer is 401 as soon as this server has any key.

Gaps: SAM 3's embeddings, video, `fal.stream` and realtime connections, ACLs of files.
"""

from dataclasses import replace

from rubylith.dialects import Dialect
from rubylith.dialects.fal.application import application
from rubylith.dialects.fal.errors import write_too_large
from rubylith.dialects.fal.links import own_link
from rubylith.dialects.fal.write import write_files, write_webhook

DIALECT = Dialect(
    "/fal",
    application,
    write_too_large,
    write_files,
    write_webhook,
    sign=lambda own, _: replace(own, prefix="X-Fal-Webhook"),
    aliases=("/api/fal",),
    files=("/cdn/",),
    exposed=("x-fal-request-id", "x-fal-error-type", "x-fal-request-timeout-type"),
    for_pages=True,
    own_link=own_link,
)
