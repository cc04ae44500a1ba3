"""AI Refinery's `images.segment`, as the vendor's Python SDK speaks it in both of its generations.

Compared on 2026-11-20 with airefinery-sdk 1.15.1 (`login()`) and 1.33.2, and the vendor's page on image segmentation.
What neither fixes is decided here: points of one list that lie in each other's masks mean one region and others a
region each (under `/joint` all mean one); the values of the mask are 1, 2, 3 …; the score is the mean predicted IoU;
one point gives one region, the best candidate; the bodies of errors are those of FastAPI, which no client reads.
Known gaps: no other endpoint of the vendor's, and the documented names of models all mean the server's default one.
"""

from rubylith.dialects import Dialect
from rubylith.dialects.airefinery.application import application
from rubylith.dialects.airefinery.errors import write_too_large

DIALECT = Dialect("/airefinery", application, write_too_large)
