"""The verbs, as the doors call them, on a server as `rubylith serve` builds it."""

import time
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from tests.pictures import encoded, scene
from tests.running import serve
from tests.servers import Reply, http_site

from rubylith.domain.caller import Caller, Quota, Usage
from rubylith.domain.errors import (
    InvalidOrder,
    InvalidPrompt,
    NotFound,
    Overloaded,
    RateLimited,
    TooLarge,
    UnknownWord,
    UnsafeAddress,
)
from rubylith.domain.geometry import Point
from rubylith.domain.image import Inline, Link
from rubylith.domain.job import JobState
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects, Subject, Text
from rubylith.domain.request import SegmentRequest
from rubylith.service.files import Links, id_of
from rubylith.service.service import Instructions

PICTURE = Inline(encoded(scene(48, 64)))
CLICK = Objects((ObjectPrompt((Point(20, 20),)),))
DAY = 86_400


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home"), {"RUBYLITH_FETCH_ALLOW": "127.0.0.0/8"}) as running:
        yield running


@pytest.fixture
def service(running):
    return running.built.service


@pytest.fixture
def caller(service) -> Caller:
    return service.access.caller(None)


def ended(service, caller, job):
    until = time.monotonic() + 60
    while not (job := service.job(job.id, caller)).state.finished:
        assert time.monotonic() < until
        time.sleep(0.05)
    return job


def test_what_comes_next_is_asked_in_the_light_of_the_answer(service, caller):
    asked = []

    def then(answer):
        asked.append(answer.request.prompt)
        return SegmentRequest(PICTURE, CLICK, "embedded") if len(asked) == 1 else None

    _, future = service.segment(SegmentRequest(PICTURE, Everything(), "embedded"), caller, then=then)
    assert future.result().request.prompt == CLICK
    assert asked == [Everything(), CLICK]


def test_pixels_come_along_only_where_they_are_asked_for(service, caller):
    for with_pixels in (False, True):
        request = SegmentRequest(PICTURE, Subject(), "embedded", with_pixels=with_pixels)
        answer = service.segment(request, caller)[1].result()
        assert (answer.image is not None) == with_pixels
        assert len(answer.segmentation.masks) == 1


def test_an_order_that_nothing_can_come_of_fails_with_its_fault_and_keeps_the_notes_of_its_door(service, caller):
    fault = InvalidOrder("points_per_side is 'many'", "Give a whole number")
    job = service.submit(fault, caller, Instructions("native", extra={"app": "sam2"}))
    job = ended(service, caller, job)
    assert job.state is JobState.FAILED
    assert (job.problem.kind, job.problem.message) == ("InvalidOrder", "points_per_side is 'many'")
    assert job.request["extra"] == {"app": "sam2"}


@pytest.mark.parametrize(("words", "fault"), [("dog", UnknownWord), ("!", InvalidPrompt)])
def test_what_is_wrong_with_a_request_is_known_before_its_picture_is_fetched(service, caller, words, fault):
    request = SegmentRequest(Link("https://nowhere.invalid/a.png"), Text((words,)), "embedded")
    for verb in (service.check, lambda request: service.submit(request, caller, Instructions("native"))):
        with pytest.raises(fault, match=words):
            verb(request)


def test_a_door_may_keep_the_files_of_a_job_for_a_time_of_its_own(service, caller):
    order = SegmentRequest(PICTURE, CLICK, "embedded", ("png",))
    job = ended(service, caller, service.submit(order, caller, Instructions("native", keep_seconds=30 * DAY)))
    stored = service.files.objects.stat(job.artifacts[0].key)
    assert 29 * DAY < stored.expires_at.timestamp() - time.time() <= 30 * DAY
    url = service.files.link(job.artifacts[0].key, Links("http://here/v1/objects", seconds=None))
    assert service.files.link(job.artifacts[0].key, Links("http://here/v1/objects", seconds=None)) == url


def test_a_picture_sent_along_with_a_job_is_kept_as_long_as_the_job(service, caller):
    order = SegmentRequest(PICTURE, CLICK, "embedded", ("png",))
    for seconds, days in ((None, 7), (20 * DAY, 20)):
        job = service.submit(order, caller, Instructions("native", forget_seconds=seconds))
        kept = service.files.find(job.request["segment"]["source"]["id"], caller.id)
        assert (days - 1) * DAY < kept.expires_at.timestamp() - time.time() <= days * DAY


def test_the_operators_time_for_jobs_is_that_of_their_pictures_too(service, caller):
    hasty = replace(service, job_seconds=3600.0)
    job = hasty.submit(
        SegmentRequest(Inline(encoded(scene(40, 70))), CLICK, "embedded"),
        caller,
        Instructions("native", forget_seconds=20 * DAY),
    )
    kept = service.files.find(job.request["segment"]["source"]["id"], caller.id)
    assert kept.expires_at.timestamp() - time.time() <= 3600
    assert job.forget_at.timestamp() - time.time() <= 3600


def test_no_job_is_taken_and_no_picture_kept_where_too_many_wait(service, caller, monkeypatch):
    monkeypatch.setattr(service.jobs, "_most_waiting", 0)
    order = SegmentRequest(Inline(encoded(scene(50, 60))), CLICK, "embedded", ("png",))
    kept = service.files.objects.list("sources/")
    with pytest.raises(Overloaded):
        service.submit(order, caller, Instructions("native"))
    assert service.files.objects.list("sources/") == kept


def test_looking_at_a_picture_counts_as_work_of_its_caller(service, caller):
    onlooker = replace(caller, id="onlooker")  # nobody's jobs of other tests end meanwhile
    service.embed(PICTURE, "embedded", onlooker)[1].result()
    used = sum(service.access.usage(onlooker.id).values(), Usage())
    assert (used.requests, used.pictures) == (1, 1)
    busy = replace(caller, quota=Quota(concurrent=0))
    with pytest.raises(RateLimited):
        service.embed(PICTURE, "embedded", busy)[1].result()


def test_a_door_sees_the_jobs_that_came_through_it_newest_first(service, caller):
    order = SegmentRequest(PICTURE, CLICK, "embedded", ("png",))
    first, second = (service.submit(order, caller, Instructions("native")) for _ in range(2))
    assert [job.id for job in service.history(caller, dialect="native", limit=2)] == [second.id, first.id]
    assert [job.id for job in service.history(caller, dialect="native", limit=1, offset=1)] == [first.id]
    assert service.history(caller, dialect="other") == ()
    assert service.job(first.id, caller, dialect="native").id == first.id
    with pytest.raises(NotFound):
        service.job(first.id, caller, dialect="other")


def test_a_door_may_want_to_hear_at_once_that_a_picture_does_not_come(service, caller):
    with http_site(lambda _: Reply(503)) as site:
        order = SegmentRequest(Link(site.url("/a.png")), CLICK, "embedded")
        patient = service.submit(order, caller, Instructions("native"))
        hasty = service.submit(order, caller, Instructions("native", patient=False))
        hasty = ended(service, caller, hasty)
        assert (hasty.state, hasty.problem.kind) == (JobState.FAILED, "InvalidOrder")
        assert "503" in hasty.problem.message
        assert not any("tried again" in line.text for line in service.logs(hasty.id, caller))
        until = time.monotonic() + 60
        while not any("tried again" in line.text for line in service.logs(patient.id, caller)):
            assert time.monotonic() < until
            time.sleep(0.05)
        service.cancel(patient.id, caller)


def test_a_link_of_ours_is_checked_without_reading_what_it_opens(service, caller, monkeypatch):
    stored = service.upload(encoded(scene(40, 70)), caller, media_type="image/png", name="in.png")
    sources = service.sources
    url = service.files.link(stored.key, Links(f"http://here{sources.mount}"))
    monkeypatch.setattr(type(service.files.objects), "get", None)
    sources.check(url)
    with pytest.raises(TooLarge, match="more than 10 bytes"):
        replace(sources, max_bytes=10).check(url)
    service.files.delete(id_of(stored), caller)
    with pytest.raises(UnsafeAddress, match="expired"):
        sources.check(url)


def test_stable_links_of_a_job_are_made_without_a_look_and_live_as_long_as_its_files(service, caller):
    order = SegmentRequest(PICTURE, CLICK, "embedded", ("png", "json"))
    job = ended(service, caller, service.submit(order, caller, Instructions("native", keep_seconds=DAY)))
    urls = service.files.job_links(job, Links("http://here/v1/objects"))
    assert set(urls) == {file.name for file in job.artifacts}
    assert service.files.job_links(job, Links("http://here/v1/objects")) == urls
    for file in job.artifacts:
        key, _, query = urls[file.name].removeprefix("http://here/v1/objects/").partition("?")
        found = service.files.download(key, dict(parse_qsl(query)), None)
        assert sum(map(len, found.chunks)) == file.size
        ends = service.files.objects.stat(key).expires_at.timestamp()
        assert abs(ends - int(dict(parse_qsl(query))["expires"])) < 60
