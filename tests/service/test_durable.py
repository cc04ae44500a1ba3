"""Jobs whose door does not wait for slow pictures: only what the picture's server did is the order's fault."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from rubylith.domain.errors import InvalidOrder, SourceUnreachable, TimedOut
from rubylith.domain.image import Link
from rubylith.domain.job import Job, JobState
from rubylith.domain.prompt import Subject
from rubylith.domain.request import SegmentRequest
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.service.durable import PATIENT, Durable
from rubylith.service.models import Models
from rubylith.service.orders import write_request


@pytest.mark.parametrize(("error", "told"), [(SourceUnreachable, InvalidOrder), (TimedOut, TimedOut)])
def test_only_a_picture_that_does_not_come_is_the_orders_fault(error, told):
    def segment(*_):
        raise error("It took too long", "Try again")

    now = datetime.now(UTC)
    request = write_request(SegmentRequest(Link("http://127.0.0.1/a.png"), Subject(), "embedded"))
    job = Job(
        "id",
        "owner",
        "fal",
        JobState.RUNNING,
        {"segment": request, PATIENT: False},
        0,
        created_at=now,
        started_at=now,
        finished_at=None,
        start_by=None,
        attempts=1,
        progress=0.0,
        result=None,
        artifacts=(),
        problem=None,
        delivery=None,
        retry_of=None,
    )
    worker = SimpleNamespace(segment=segment, models=Models("embedded", EmbeddingCache(0)))
    assignment = SimpleNamespace(job=job, log=print)
    durable = Durable(worker, files=None, sender=None, doors={"fal": None})
    with pytest.raises(told):
        durable.work(assignment)
