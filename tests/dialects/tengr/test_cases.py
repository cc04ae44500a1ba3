"""The numbered cases of the wire, through a plain HTTP client, with the embedded model on a drawn picture."""

import uuid

import numpy as np
import pytest
import sqlalchemy as sa
from tests.dialects.tengr.artworks import (
    DATA_URI,
    HEIGHT,
    ON_PART,
    ON_SQUARE,
    PART,
    POINTS,
    RED,
    SQUARE,
    TEXT,
    WIDTH,
    YELLOW,
    client,
    drawing,
    fetched,
    picture,
    refused,
)
from tests.service.test_morphology import stepwise, summed

from rubylith.database.connection import writing
from rubylith.database.jobs import JOBS
from rubylith.domain.caller import Quota, Scope

TEXT_PNG = {**TEXT, "outputFormat": "png"}
CENTRE = (round(ON_SQUARE[1] * HEIGHT), round(ON_SQUARE[0] * WIDTH))  # row, column


@pytest.fixture(scope="module")
def plain(running):
    """The mask of case 6."""
    with (client_ := client(running.address)).http:
        return client_.mask()


@pytest.fixture(scope="module")
def together(running):
    """The mask of case 1, by way of case 2."""
    with (client_ := client(running.address)).http:
        (mask,) = client_.masks(TEXT_PNG)
        return mask


def area_of(*things):
    """(H, W) uint8: 255 on what was drawn."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for thing in things:
        drawn[thing] = 255
    return drawn


def overlap(one, other):
    """Intersection over union."""
    return ((one > 0) & (other > 0)).sum() / ((one > 0) | (other > 0)).sum()


def test_case_01_a_text_request_is_taken_on_with_its_defaults_and_gives_one_mask(tengr, together):
    artwork = tengr.create(**TEXT)
    assert artwork["status"] in {"starting", "processing"}
    assert (artwork["results"], artwork["duration"], artwork["artworkType"]) == ([], 0, "segmentation")
    assert uuid.UUID(artwork["id"])
    assert artwork["parameters"] == {
        "imageUrl": artwork["parameters"]["imageUrl"],
        "method": "text",
        "outputFormat": "auto",
        "maskExpand": 0,
        "maskTaperedCorners": True,
        "maskBlurSigma": 0.1,
        "maskKernelSize": 0,
        "textPrompt": "object",
        "textConfidence": 0.2,
        "textMaxDetections": -1,
        "textCombineMasks": True,
    }
    artwork = tengr.finished(artwork)
    assert artwork["status"] == "succeeded"
    (url,) = artwork["results"]
    assert fetched(url).headers["content-type"] == "image/webp"
    assert picture(url).shape == (HEIGHT, WIDTH, 3)
    assert (picture(url) == together[:, :, None]).all()


def test_case_02_the_mask_of_words_as_png(together):
    assert together.shape == (HEIGHT, WIDTH)
    assert set(np.unique(together)) == {0, 255}
    assert overlap(together, area_of(RED, YELLOW)) > 0.8


def test_case_03_things_one_by_one_are_those_of_the_mask_of_all(tengr, together):
    masks = tengr.masks(TEXT_PNG, textCombineMasks=False)
    assert len(masks) == 2
    assert (np.maximum(*masks) == together).all()
    assert max(overlap(mask, area_of(RED)) for mask in masks) > 0.8
    assert max(overlap(mask, area_of(YELLOW)) for mask in masks) > 0.8


def test_case_04_the_best_of_what_was_found(tengr, together):
    best, _ = tengr.masks(TEXT_PNG, textCombineMasks=False)
    assert overlap(best, area_of(YELLOW)) > 0.8
    for combined in (True, False):
        (only,) = tengr.masks(TEXT_PNG, textMaxDetections=1, textCombineMasks=combined)
        assert (only == best).all()
    for unlimited in (-1, 0):
        (mask,) = tengr.masks(TEXT_PNG, textMaxDetections=unlimited)
        assert (mask == together).all()


@pytest.mark.parametrize("words", ["object", "red", "face"])
@pytest.mark.parametrize("combined", [True, False])
def test_case_05_nothing_found_is_one_black_mask(tengr, words, combined):
    (mask,) = tengr.masks(TEXT, textPrompt=words, textConfidence=1, textCombineMasks=combined)
    assert mask.shape[:2] == (HEIGHT, WIDTH)
    assert not mask.any()


@pytest.mark.parametrize("words", ["red, yellow", "yellow. red.", "Red,,yellow ", "red and yellow"])
def test_phrases_are_concepts_of_their_own(tengr, words):
    masks = tengr.masks(TEXT_PNG, textPrompt=words, textCombineMasks=False)
    assert len(masks) == 2
    (mask,) = tengr.masks(TEXT_PNG, textPrompt=words)
    assert overlap(mask, area_of(RED, YELLOW)) > 0.95


def test_masks_of_words_are_grown_each_by_itself(tengr):
    (thing,) = tengr.masks(TEXT_PNG, textPrompt="yellow")
    (grown,) = tengr.masks(TEXT_PNG, textPrompt="yellow", maskExpand=3, textCombineMasks=False)
    assert (grown == stepwise(thing > 0, 3, diagonal=False) * 255).all()


def test_a_word_that_nobody_here_knows_fails_the_artwork_and_says_what_to_pull(tengr):
    artwork = tengr.made(**{**TEXT, "textPrompt": "red, dog"})
    assert (artwork["status"], artwork["results"]) == ("failed", [])
    assert "'dog'" in artwork["error"]
    assert "rubylith models pull fastestdet" in artwork["error"]


@pytest.mark.parametrize("words", [", .", "!?", "a" * 201, "red," * 50 + "blue," * 51])
def test_words_that_are_no_phrases_are_refused(tengr, words):
    refused(tengr, {**TEXT, "textPrompt": words}, names="textPrompt")


def test_case_02_png_and_webp_show_the_same(tengr, plain):
    (url,) = tengr.made(**{**POINTS, "outputFormat": "auto", "maskKernelSize": 3, "maskBlurSigma": 2})["results"]
    assert fetched(url).headers["content-type"] == "image/webp"
    soft = picture(url)
    assert soft.shape == (HEIGHT, WIDTH, 3)
    (url,) = tengr.made(**{**POINTS, "maskKernelSize": 3, "maskBlurSigma": 2})["results"]
    assert fetched(url).headers["content-type"] == "image/png"
    grey = picture(url)
    assert grey.shape == (HEIGHT, WIDTH)
    assert (soft == grey[:, :, None]).all()


def test_case_06_a_point_gives_one_binary_mask_that_holds_it(plain):
    assert plain.shape == (HEIGHT, WIDTH)
    assert set(np.unique(plain)) == {0, 255}
    assert plain[CENTRE] == 255
    square = np.zeros((HEIGHT, WIDTH), bool)
    square[SQUARE] = True
    assert (square & (plain > 0)).sum() / (square | (plain > 0)).sum() > 0.8


def test_case_07_all_candidates_are_three_or_without_multimask_one(tengr):
    three = tengr.masks(pointsBestMask=False)
    assert len(three) == 3
    assert [m.sum() for m in three] == sorted(m.sum() for m in three)
    assert len(tengr.masks(pointsBestMask=False, pointsRefinementSteps=2)) == 3
    assert len(tengr.masks(pointsBestMask=False, pointsMultimask=False)) == 1
    assert len(tengr.masks(pointsMultimask=False)) == 1


def test_case_08_a_negative_point_is_not_in_the_mask_whatever_its_label(tengr):
    negative = {"points": [ON_PART]}
    mask = tengr.mask(pointsNegative=negative)
    assert mask[47, 92] == 0
    assert mask[CENTRE] == 255
    assert (tengr.mask(pointsNegative={**negative, "labels": [1]}) == mask).all()
    positive = {"points": [ON_SQUARE], "labels": [0]}
    assert (tengr.mask(pointsNegative=negative, pointsPositive=positive) == mask).all()


def test_case_09_refinement_keeps_the_point(tengr):
    assert tengr.mask(pointsRefinementSteps=3)[CENTRE] == 255
    refused(tengr, {**POINTS, "pointsRefinementSteps": 11}, names="pointsRefinementSteps")


@pytest.mark.parametrize("steps", [6, -4])
@pytest.mark.parametrize("tapered", [True, False])
def test_case_10_growing_and_shrinking_is_exact(tengr, plain, steps, tapered):
    expected = stepwise(plain > 0, steps, diagonal=not tapered)
    assert (tengr.mask(maskExpand=steps, maskTaperedCorners=tapered) == expected * 255).all()
    assert (expected != (plain > 0)).any()


def test_case_10_what_touches_the_border_does_not_shrink_from_it(tengr):
    ground = {"points": [[0.02, 0.02]]}
    mask = tengr.mask(pointsPositive=ground)
    assert mask[0, 0] == 255
    assert tengr.mask(pointsPositive=ground, maskExpand=-4, maskTaperedCorners=False)[0, 0] == 255


def test_case_11_growing_without_end_fills_the_picture(tengr):
    assert (tengr.mask(maskExpand=16384) == 255).all()
    assert (tengr.mask(maskExpand=-16384) == 0).all()
    refused(tengr, {**POINTS, "maskExpand": 16385}, names="maskExpand")


def test_case_12_a_blur_is_the_defined_gaussian(tengr, plain):
    soft = tengr.mask(maskKernelSize=3, maskBlurSigma=2)
    assert np.abs(soft - summed(plain > 0, 3, 2)).max() <= 0.51
    assert (tengr.mask(maskKernelSize=20) == plain).all()


def test_case_13_points_are_shares_of_the_upright_picture(tengr, site, plain):
    mask = tengr.mask(imageUrl=site.url("/turned.jpg"))
    assert mask.shape == (HEIGHT, WIDTH)
    assert ((mask > 0) & (plain > 0)).sum() / ((mask > 0) | (plain > 0)).sum() > 0.8


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"method": None}, "method"),
        ({"method": "box"}, "method"),
        ({"method": "text"}, "textPrompt"),
        ({"method": "text", "textPrompt": "  "}, "textPrompt"),
        ({"pointsPositive": None}, "pointsPositive"),
        ({"pointsPositive": {"points": []}}, "pointsPositive"),
        ({"pointsPositive": None, "pointsNegative": {"points": [[0.5, 0.5]]}}, "pointsPositive"),
        ({"imageUrl": None}, "imageUrl"),
        ({"imageUrl": "photo"}, "imageUrl"),
        ({"imageUrl": "ftp://example.com/a.png"}, "imageUrl"),
        ({"imageUrl": "http://"}, "imageUrl"),
        ({"imageUrl": "http://exa mple.com/a.png"}, "imageUrl"),
        ({"imageUrl": "http://example.com/a.png\r\nX-A: 1"}, "imageUrl"),
        ({"imageUrl": "data:image/png;base64,*"}, "imageUrl"),
        ({"imageUrl": "data:text/html;base64,AAAA"}, "imageUrl"),
    ],
)
def test_case_14_what_is_missing_is_named(tengr, change, names):
    refused(tengr, {name: value for name, value in {**POINTS, **change}.items() if value is not None}, names=names)


FAULTS = [
    ({"maskExpand": -16385}, "maskExpand must not be less than -16384"),
    ({"maskExpand": 16385}, "maskExpand must not be greater than 16384"),
    ({"maskExpand": "6"}, "maskExpand must be an integer number"),
    ({"maskExpand": 1.5}, "maskExpand must be an integer number"),
    ({"maskExpand": True}, "maskExpand must be an integer number"),
    ({"maskTaperedCorners": 1}, "maskTaperedCorners must be a boolean value"),
    ({"maskTaperedCorners": "true"}, "maskTaperedCorners must be a boolean value"),
    ({"maskBlurSigma": 0.09}, "maskBlurSigma must not be less than 0.1"),
    ({"maskBlurSigma": 100.5}, "maskBlurSigma must not be greater than 100"),
    ({"maskBlurSigma": "2"}, "maskBlurSigma must be a number"),
    ({"maskKernelSize": -1}, "maskKernelSize must not be less than 0"),
    ({"maskKernelSize": 101}, "maskKernelSize must not be greater than 100"),
    ({"maskKernelSize": 2.5}, "maskKernelSize must be an integer number"),
    ({"textPrompt": 5}, "textPrompt must be a string"),
    ({"textConfidence": -0.1}, "textConfidence must not be less than 0"),
    ({"textConfidence": 1.1}, "textConfidence must not be greater than 1"),
    ({"textConfidence": "0.5"}, "textConfidence must be a number"),
    ({"textMaxDetections": -2}, "textMaxDetections must not be less than -1"),
    ({"textMaxDetections": 101}, "textMaxDetections must not be greater than 100"),
    ({"textMaxDetections": 0.5}, "textMaxDetections must be an integer number"),
    ({"textCombineMasks": "no"}, "textCombineMasks must be a boolean value"),
    ({"pointsRefinementSteps": -1}, "pointsRefinementSteps must not be less than 0"),
    ({"pointsRefinementSteps": "1"}, "pointsRefinementSteps must be an integer number"),
    ({"pointsMultimask": 0}, "pointsMultimask must be a boolean value"),
    ({"pointsBestMask": "x"}, "pointsBestMask must be a boolean value"),
    ({"pointsPositive": [[0.5, 0.5]]}, "pointsPositive must be an object"),
    ({"pointsPositive": {}}, "pointsPositive.points should not be empty"),
    ({"pointsPositive": {"points": [[0.5, 0.5, 1]]}}, "pointsPositive.points.0 must contain at most 2 elements"),
    ({"pointsPositive": {"points": [[0.5]]}}, "pointsPositive.points.0.1 should not be empty"),
    ({"pointsPositive": {"points": [[0.5, 0.5], [1.1, 0]]}}, "pointsPositive.points.1.0 must not be greater than 1"),
    ({"pointsPositive": {"points": [[-0.1, 0]]}}, "pointsPositive.points.0.0 must not be less than 0"),
    ({"pointsPositive": {"points": [["0.5", 0.5]]}}, "pointsPositive.points.0.0 must be a number"),
    ({"pointsPositive": {"points": [[0.5, 0.5]], "labels": [1, 1]}}, "pointsPositive.labels must contain exactly 1"),
    ({"pointsPositive": {"points": [[0.5, 0.5]], "labels": [2]}}, "pointsPositive.labels.0 must not be greater than 1"),
    (
        {"pointsPositive": {"points": [[0.5, 0.5]], "labels": [2] * 9999}},
        "pointsPositive.labels must contain at most 1000",
    ),
    (
        {"pointsPositive": {"points": [[0.5, 0.5]] * 600}, "pointsNegative": {"points": [[0.5, 0.5]] * 600}},
        "pointsNegative must hold at most 1000 points together with pointsPositive",
    ),
    ({"pointsPositive": {"points": [[0.5, 0.5]], "label": [1]}}, "property pointsPositive.label should not exist"),
    ({"pointsNegative": {"points": 3}}, "pointsNegative.points must be an array"),
    ({"outputFormat": "jpeg"}, "outputFormat must be one of the following values: auto, png, webp"),
    ({"method": "box"}, "method must be one of the following values: text, points"),
    ({"webhook": "hook"}, "webhook must be a URL address"),
    ({"webhook": ""}, "webhook must be a URL address"),
    ({"imageurl": "x"}, "property imageurl should not exist"),
]


@pytest.mark.parametrize(("change", "message"), FAULTS)
def test_case_15_what_is_wrong_is_named_by_its_path(tengr, change, message):
    refused(tengr, {**POINTS, **change}, names=message)


def test_case_15_several_faults_are_told_together(tengr):
    refused(tengr, {**POINTS, "maskExpand": "6", "extra": 1}, names="; ")


def test_case_15_white_space_around_an_address_is_dropped(tengr, site):
    artwork = tengr.made("remove-background", imageUrl=f" {site.url('/turned.jpg')}\r\n")
    assert (artwork["status"], artwork["parameters"]["imageUrl"]) == ("succeeded", site.url("/turned.jpg"))
    assert tengr.made("remove-background", imageUrl=f"\n{DATA_URI}\n")["status"] == "succeeded"


@pytest.mark.parametrize("path", ["/gone.png", "/page", "/cut.png"])
def test_case_18_what_cannot_be_fetched_fails_and_says_so(tengr, site, path):
    artwork = tengr.create(**{**POINTS, "imageUrl": site.url(path)})
    assert artwork["status"] in {"starting", "processing"}
    artwork = tengr.finished(artwork, seconds=60)
    assert (artwork["status"], artwork["results"]) == ("failed", [])
    assert artwork["error"]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic first", "first"])
def test_case_19_no_key_or_a_wrong_one_is_401(running, header):
    with (client_ := client(running.address, None)).http:
        headers = {} if header is None else {"Authorization": header}
        for method, path in (
            ("POST", "/v2/artworks/segmentation"),
            ("POST", "/v2/artworks/remove-background"),
            ("GET", "/v2/artworks"),
            ("GET", f"/v2/artworks/{uuid.uuid4()}"),
            ("POST", "/v2/organizations/mine/webhook-secret"),
        ):
            answered = client_.http.request(method, path, headers=headers, json={} if method == "POST" else None)
            assert (answered.status_code, answered.json()) == (401, {"message": "Unauthorized", "statusCode": 401})


def test_case_19_a_key_without_the_right_is_403(running):
    access = running.built.service.access
    keeper = access.create("keeper", frozenset({Scope.MODELS})).secret
    maker = access.create("maker", frozenset({Scope.SEGMENT})).secret
    forbidden = {"message": "Forbidden resource", "error": "Forbidden", "statusCode": 403}
    with (client_ := client(running.address, keeper)).http:
        answers = [
            client_.http.post("/v2/artworks/segmentation", json=POINTS),
            client_.http.get("/v2/artworks"),
            client_.http.get(f"/v2/artworks/{uuid.uuid4()}"),
        ]
        assert client_.http.post("/v2/organizations/x/webhook-secret").status_code == 200
    with (client_ := client(running.address, maker)).http:
        assert client_.http.post("/v2/artworks/segmentation", json=POINTS).status_code == 202
        answers.append(client_.http.post("/v2/organizations/x/webhook-secret"))
    assert [(a.status_code, a.json()) for a in answers] == [(403, forbidden)] * 4


def test_case_19_what_is_not_there_or_anothers_is_404(tengr, other):
    artwork = tengr.made(**POINTS)
    missing = {"message": "Artwork not found", "error": "Not Found", "statusCode": 404}
    for client_, artwork_id in ((other, artwork["id"]), (tengr, uuid.uuid4()), (tengr, "no-id"), (tengr, "%00")):
        answered = client_.http.get(f"/v2/artworks/{artwork_id}")
        assert (answered.status_code, answered.json()) == (404, missing)
    assert artwork["id"] not in [one["id"] for one in other.http.get("/v2/artworks?limit=500").json()]
    native = tengr.http.post(str(tengr.http.base_url).replace("/tengr/", "/v1/jobs"), json={"image": DATA_URI})
    assert native.status_code == 202
    assert tengr.http.get(f"/v2/artworks/{native.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("offset=-1", "offset"),
        ("offset=1.5", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("status=done", "status"),
        ("artworkType=x", "artworkType"),
    ],
)
def test_case_19_a_page_that_cannot_be_is_400(tengr, query, names):
    answered = tengr.http.get(f"/v2/artworks?{query}")
    assert answered.status_code == 400
    assert answered.json()["message"].startswith(names)


def test_case_20_pages_go_from_the_newest_to_the_oldest(other):
    made = [other.create(**POINTS)["id"] for _ in range(3)]
    other.create("remove-background", imageUrl=DATA_URI)
    pages = [other.http.get(f"/v2/artworks?artworkType=segmentation&limit=2&offset={n}").json() for n in (0, 2)]
    assert [one["id"] for page in pages for one in page][:3] == made[::-1]
    assert len(other.http.get("/v2/artworks?limit=2").json()) == 2
    assert other.http.get("/v2/artworks?limit=1").json()[0]["artworkType"] == "remove_background"
    (one,) = other.http.get("/v2/artworks?artworkType=remove_background").json()
    assert one["artworkType"] == "remove_background"
    assert other.http.get("/v2/artworks?artworkType=remove_background&offset=1").json() == []
    for one in other.http.get("/v2/artworks").json():
        other.finished(one)
    assert {one["status"] for one in other.http.get("/v2/artworks?status=succeeded").json()} == {"succeeded"}
    assert other.http.get("/v2/artworks?status=canceled").json() == []


def test_case_20_after_the_retention_time_nothing_is_left(running, tengr):
    artwork = tengr.made(**POINTS)
    (url,) = artwork["results"]
    assert fetched(url).status_code == 200
    service = running.built.service
    (kept,) = service.jobs.get(artwork["id"]).artifacts
    with writing(service.jobs.engine) as connection:  # as if its eight days were over
        change = sa.update(JOBS).where(JOBS.c.id == artwork["id"]).values(forget_at=1.0)
        assert connection.execute(change).rowcount == 1
    service.files.objects.expire(kept.key, ttl_seconds=-1)
    assert tengr.http.get(f"/v2/artworks/{artwork['id']}").status_code == 404
    assert artwork["id"] not in [one["id"] for one in tengr.http.get("/v2/artworks?limit=500").json()]
    gone = fetched(url)
    assert (gone.status_code, gone.json()["statusCode"]) == (404, 404)


def test_case_20_the_retention_time_is_eight_days_for_record_and_results(running, tengr):
    artwork = tengr.made(**POINTS)
    service = running.built.service
    job = service.jobs.get(artwork["id"])
    stored = service.files.objects.stat(job.artifacts[0].key)
    assert (job.forget_at - job.created_at).total_seconds() == pytest.approx(8 * 86_400)
    assert (stored.expires_at - job.created_at).total_seconds() == pytest.approx(8 * 86_400, abs=3600)  # stored later


def test_case_21_more_than_the_rate_is_429_while_polling_goes_on(running):
    key = running.built.service.access.create("slow", quota=Quota(3, 3600)).secret
    with (client_ := client(running.address, key)).http:
        left = []
        for _ in range(3):
            answered = client_.http.post("/v2/artworks/segmentation", json=POINTS)
            assert (answered.status_code, answered.headers["x-ratelimit-limit"]) == (202, "3")
            left.append(answered.headers["x-ratelimit-remaining"])
        assert left == ["2", "1", "0"]
        over = client_.http.post("/v2/artworks/segmentation", json=POINTS)
        words = {"message": "ThrottlerException: Too Many Requests", "statusCode": 429}
        assert (over.status_code, over.json()) == (429, words)
        assert 1 <= int(over.headers["retry-after"]) <= 3600
        assert 0 < int(over.headers["x-ratelimit-reset"]) <= 3600
        for one in client_.http.get("/v2/artworks").json():
            assert client_.finished(one)["status"] == "succeeded"
        for _ in range(10):
            assert client_.http.get("/v2/artworks").headers["x-ratelimit-remaining"] == "0"


def test_a_part_has_its_own_candidate(tengr):
    """The three candidates are what three sizes of thing the point may mean, not copies, where the model sees them."""
    masks = tengr.masks(pointsPositive={"points": [ON_PART]}, pointsBestMask=False)
    part = np.zeros((HEIGHT, WIDTH), bool)
    part[PART] = True
    assert len({mask.tobytes() for mask in masks}) > 1
    assert max((part & (m > 0)).sum() / (part | (m > 0)).sum() for m in masks) > 0.6


def test_remove_background_keeps_colours_and_gives_a_soft_alpha(tengr, site):
    for asked, kind in (({}, "webp"), ({"outputFormat": "png"}, "png"), ({"imageFormat": "png"}, "png")):
        artwork = tengr.made("remove-background", imageUrl=site.url("/a.png"), **asked)
        assert (artwork["artworkType"], artwork["status"]) == ("remove_background", "succeeded")
        assert artwork["parameters"]["outputFormat"] == asked.get("outputFormat", asked.get("imageFormat", "auto"))
        (url,) = artwork["results"]
        assert fetched(url).headers["content-type"] == f"image/{kind}"
        cut = picture(url)
        assert cut.shape == (HEIGHT, WIDTH, 4)
        assert (cut[..., :3] == drawing()).all()
        assert len(np.unique(cut[..., 3])) > 2  # some of the picture, none of it, and edges between
