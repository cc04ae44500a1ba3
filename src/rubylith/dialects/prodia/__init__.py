"""Prodia's v2 inference API: a job per request, answered as multipart. Compared on 2026-11-20 with npm `prodia` 1.6.0.

What the vendor's pages leave open is settled here so: outputs are as the pixels are stored, without EXIF's turn; masks
come largest first; no Accept header means multipart, but faults are JSON unless multipart is named; an unknown job type
is the caller's fault (400), where the vendor answers 429 and lets the client try eleven times; 10 MB are 10 x 1024 x
1024 bytes; the mask of mask-background is white on the subject; segmentation jobs may be sent to be answered later;
output names come as a JSON array, before the end as 404; a ping answers a job without outputs; words that no model here
knows are refused.
"""

from rubylith.dialects import Dialect
from rubylith.dialects.prodia.application import application
from rubylith.dialects.prodia.errors import write_too_large
from rubylith.dialects.prodia.write import write_files, write_webhook

DIALECT = Dialect("/prodia", application, write_too_large, write_files, write_webhook, sign=lambda own, _: own)
