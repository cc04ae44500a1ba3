"""Tengr v2: artworks, here masks and cut-outs, made later and asked for by their id.

Compared with the vendor's public documentation on 2026-11-20. What it leaves open is answered like this:

- `duration` is in seconds. `maskTaperedCorners` is true by default. Lists are newest first.
- Mask arithmetic is that of the open-source nodes with the same names, ranges and defaults; results are grey PNG of
  one channel, or lossless WebP, so that both decode to the same values.
- `pointsBestMask: false` gives three masks with `pointsMultimask`, smallest first; where the model sees fewer meanings
  of the points, the best is repeated.
- Webhooks carry `X-Webhook-Id` and `X-Webhook-Signature: sha256=HEX`, an HMAC of the body; they are tried again as all
  of ours are. The secret belongs to the key that asked for it, whatever organization the path names.
- The vendor's manager scope is our scope `models`, its generator scope our scope `segment`.
- `null` for an optional field is the field left out; `6.0` is a whole number.
- A word that nobody on this machine knows gives a failed artwork, whose `error` names the model to pull.
"""

from rubylith.dialects import Dialect
from rubylith.dialects.tengr.application import application
from rubylith.dialects.tengr.errors import write_too_large
from rubylith.dialects.tengr.pictures import write_files
from rubylith.dialects.tengr.write import signing, write_webhook

DIALECT = Dialect("/tengr", application, write_too_large, write_files, write_webhook, sign=signing)
