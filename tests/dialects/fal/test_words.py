"""fal's models that take words, with words that need no download, and what is said of words that do."""

import base64
import json
import threading
from itertools import pairwise

import numpy as np
import pytest
from pycocotools import mask as coco
from tests.dialects.fal.calls import DATA_URI, HEIGHT, OTHER_KEY, PICTURE, WIDTH, Calls, opened, serving
from tests.pictures import encoded
from tests.servers import Reply, http_site

EVF, SAM3, SAM31, RLE = "fal-ai/evf-sam", "fal-ai/sam-3/image", "fal-ai/sam-3-1/image", "fal-ai/sam-3/image-rle"
IMAGE = {"url", "content_type", "file_name", "file_size", "width", "height"}
ON_GREEN = [{"x": 100, "y": 30}]
EACH = [{"x": 35, "y": 45, "object_id": 1}, {"x": 100, "y": 30, "object_id": 2}]


def square(x, y, side):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + side, x : x + side] = True
    return mask


RED, GREEN, BLUE = square(10, 20, 50), square(80, 10, 40), square(90, 70, 30)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def fal(running):
    return Calls(running)


def pixels(picture, fal):
    assert set(picture) == IMAGE
    assert (picture["width"], picture["height"]) == (WIDTH, HEIGHT)
    url = picture["url"]
    data = base64.b64decode(url.partition(",")[2]) if url.startswith("data:") else fal.get(url).content
    assert len(data) == picture["file_size"]
    return opened(data)[1]


def run(fal, model, **given):
    answer = fal.run(model, image_url=DATA_URI, **given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def queued(fal, model, **given):
    order = fal.submit(model, image_url=DATA_URI, **given)
    assert order.status_code == 200, order.text
    return fal.result(order.json())


def evf(fal, prompt="red", **given):
    return pixels(run(fal, EVF, prompt=prompt, **given)["image"], fal)


def iou(mask, wanted):
    return (mask & wanted).sum() / (mask | wanted).sum()


def test_evf_finds_all_that_the_words_name(fal):
    found = evf(fal)
    assert set(np.unique(found)) == {0, 255}
    assert iou(found > 0, RED) > 0.97
    assert [(evf(fal, "object") > 0)[one].mean() > 0.9 for one in (RED, GREEN, BLUE)] == [True] * 3
    assert iou(evf(fal, "the largest object", semantic_type=True, use_grounding_dino=True) > 127, RED) > 0.9
    assert not evf(fal, "yellow").any()
    for words in ("blue, the largest object", "blue and the largest object", "blue\nthe largest object"):
        assert iou(evf(fal, words) > 127, RED | BLUE) > 0.9


def test_evf_leaves_out_what_the_negative_prompt_names(fal):
    left = evf(fal, "object", negative_prompt="red, blue") > 0
    assert left[GREEN].mean() > 0.9
    assert left[RED | BLUE].mean() < 0.05
    assert not evf(fal, "red", negative_prompt="red").any()


def test_evf_edits_its_mask(fal):
    assert np.array_equal(evf(fal, revert_mask=True), 255 - evf(fal))
    assert iou(evf(fal, expand_mask=5) > 0, square(5, 15, 60)) > 0.97
    soft = evf(fal, blur_mask=9)
    assert soft[45, 35] == 255
    assert all(left <= right for left, right in pairwise(soft[45, :20].tolist()))
    assert 0 < soft[45, 9] < soft[45, 10] < 255


def test_evf_fills_holes(fal):
    frame = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    frame[RED] = (200, 30, 40)
    hole = square(25, 35, 20)
    frame[hole] = 120
    uri = "data:image/png;base64," + base64.b64encode(encoded(frame)).decode()
    with_hole, without = (
        pixels(fal.run(EVF, image_url=uri, prompt="red", fill_holes=fill).json()["image"], fal)
        for fill in (False, True)
    )
    assert iou(with_hole > 0, RED & ~hole) > 0.97
    assert iou(without > 0, RED) > 0.97
    assert not (with_hole > without).any()


def test_evf_shows_the_picture_through_its_mask(fal):
    mask = evf(fal)
    shown = evf(fal, mask_only=False)
    assert np.array_equal(shown, np.dstack([opened(PICTURE)[1] * (mask > 0)[..., None], mask]))
    soft = evf(fal, mask_only=False, blur_mask=9)
    assert np.array_equal(soft[..., 3], evf(fal, blur_mask=9))


@pytest.mark.parametrize("model", [SAM3, SAM31])
def test_sam3_shows_the_picture_where_the_best_mask_is(fal, model):
    output = queued(fal, model, prompt="red").json()
    assert set(output) == {"masks", "image"}
    assert output["masks"] == [output["image"]]
    assert iou(pixels(output["image"], fal)[..., 3] > 0, RED) > 0.97


def test_sam3_gives_as_many_masks_as_are_wanted_with_scores_and_boxes(fal):
    wishes = {"prompt": "red, green,blue", "apply_mask": False, "return_multiple_masks": True}
    for max_masks, count in ((3, 3), (2, 2), (32, 3)):
        for ask in (lambda **given: queued(fal, SAM3, **given).json(), lambda **given: run(fal, SAM3, **given)):
            output = ask(**wishes, max_masks=max_masks, include_scores=True, include_boxes=True)
            masks = [pixels(picture, fal) > 127 for picture in output["masks"]]
            assert len(masks) == len(output["scores"]) == len(output["boxes"]) == count
            for index, (mask, box) in enumerate(zip(masks, output["boxes"], strict=True)):
                assert max(iou(mask, wanted) for wanted in (RED, GREEN, BLUE)) > 0.95
                ys, xs = np.nonzero(mask)
                middle = (xs.min() + xs.max() + 1) / 2 / WIDTH, (ys.min() + ys.max() + 1) / 2 / HEIGHT
                extent = (xs.max() + 1 - xs.min()) / WIDTH, (ys.max() + 1 - ys.min()) / HEIGHT
                assert box == pytest.approx([*middle, *extent], abs=1e-5)
                assert output["metadata"][index] == {"index": index, "score": output["scores"][index], "box": box}
            assert output["scores"] == sorted(output["scores"], reverse=True)


def test_sam3_takes_points_and_boxes_instead_of_words(fal):
    plain = {"apply_mask": False, "sync_mode": True}
    output = run(fal, SAM3, point_prompts=ON_GREEN, **plain)
    assert iou(pixels(output["image"], fal) > 127, GREEN) > 0.9
    box = {"x_min": 75, "y_min": 5, "x_max": 125, "y_max": 55}
    output = run(fal, SAM31, prompt="", box_prompts=[box], include_scores=True, **plain)
    assert iou(pixels(output["image"], fal) > 127, GREEN) > 0.9
    assert 0 < output["scores"][0] <= 1
    output = run(fal, SAM3, point_prompts=EACH, **plain)
    assert len(output["masks"]) == 1
    assert iou(pixels(output["image"], fal) > 127, RED | GREEN) > 0.9
    output = run(fal, SAM3, point_prompts=EACH, return_multiple_masks=True, **plain)
    assert [iou(pixels(mask, fal) > 127, GREEN) > 0.9 for mask in output["masks"]].count(True) == 1
    assert len(output["masks"]) == 2
    assert 1 <= len(run(fal, SAM3, point_prompts=ON_GREEN, return_multiple_masks=True, **plain)["masks"]) <= 3


def test_sam3_through_the_queue_with_everything_inside_the_answer(fal):
    output = queued(fal, SAM3, prompt="red", sync_mode=True, output_format="jpeg", include_scores=True).json()
    assert output["image"]["url"].startswith("data:image/jpeg;base64,")
    assert output["scores"] == [1.0]
    assert output["metadata"] == [{"index": 0, "score": 1.0}]


def test_sam3_finds_nothing(fal):
    assert run(fal, SAM3, prompt="yellow", include_scores=True) == {"masks": [], "scores": [], "metadata": []}
    assert run(fal, RLE, prompt="yellow") == {"rle": ""}


def decoded(counts):
    return coco.decode({"size": [HEIGHT, WIDTH], "counts": counts.encode()}).astype(bool)


@pytest.mark.parametrize("sync_mode", [False, True])
def test_sam3_as_run_length_encodings(fal, sync_mode):
    for output in (
        queued(fal, RLE, prompt="red", sync_mode=sync_mode, include_boxes=True).json(),
        run(fal, RLE, prompt="red", sync_mode=sync_mode, include_boxes=True),
    ):
        assert set(output) == {"rle", "boxes", "metadata"}
        assert np.array_equal(decoded(output["rle"]), evf(fal) > 0)
    several = run(fal, RLE, prompt="red, green", return_multiple_masks=True)["rle"]
    assert {mask.tobytes() for mask in map(decoded, several)} == {
        (evf(fal, one) > 0).tobytes() for one in ("red", "green")
    }


@pytest.mark.parametrize(
    ("model", "given", "noun"),
    [(SAM3, {}, "wheel"), (EVF, {"prompt": "the dog"}, "dog"), (RLE, {"prompt": "red, dog"}, "dog")],
)
def test_a_word_that_nobody_here_knows_is_an_error_in_the_result(fal, model, given, noun):
    order = fal.submit(model, image_url=DATA_URI, **given)
    assert order.status_code == 200
    status = fal.ended(order.json())
    assert (status["error_type"], noun in status["error"]) == ("feature_not_supported", True)
    for answer in (fal.result(order.json()), fal.run(model, image_url=DATA_URI, **given)):
        assert answer.status_code == 422
        (fault,) = answer.json()["detail"]
        assert (fault["loc"], fault["type"]) == (["body", "prompt"], "feature_not_supported")
        assert noun in fault["msg"]
        assert noun == "wheel" or "rubylith models pull fastestdet" in fault["msg"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"prompt": "red", "negative_prompt": "the dogs"}, "negative_prompt"),
        ({"prompt": "Two Dogs", "negative_prompt": "red"}, "prompt"),
        ({"prompt": "the dog", "negative_prompt": "a dog"}, "prompt"),
    ],
)
def test_a_word_that_nobody_here_knows_is_told_of_the_field_that_holds_it(fal, given, field):
    (fault,) = fal.run(EVF, image_url=DATA_URI, **given).json()["detail"]
    assert (fault["loc"], fault["input"], fault["type"]) == (["body", field], given[field], "feature_not_supported")


@pytest.mark.parametrize(
    ("model", "given", "field"),
    [
        (EVF, {}, "prompt"),
        (EVF, {"prompt": "red", "blur_mask": 4}, "blur_mask"),
        (EVF, {"prompt": "red", "expand_mask": -1}, "expand_mask"),
        (SAM3, {"prompt": "red", "max_masks": 0}, "max_masks"),
        (SAM3, {"prompt": "red", "output_format": "gif"}, "output_format"),
        (SAM3, {"prompt": " , "}, "prompt"),
        (SAM3, {"prompt": ",".join(map(str, range(101)))}, "prompt"),
        (RLE, {"prompt": "red", "point_prompts": [{"x": "left"}]}, "x"),
    ],
)
def test_faults_name_their_field(fal, model, given, field):
    for answer in (queued(fal, model, **given), fal.run(model, image_url=DATA_URI, **given)):
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][-1] == field


@pytest.mark.parametrize("prompt", ["", "…", "word " * 100])
def test_words_that_say_nothing_are_an_error_in_the_result(fal, prompt):
    for answer in (queued(fal, EVF, prompt=prompt), fal.run(EVF, image_url=DATA_URI, prompt=prompt)):
        assert (answer.status_code, type(answer.json()["detail"])) == (422, list)


def test_a_request_is_found_under_its_own_app_and_key_only(fal, running):
    one = fal.submit(EVF, image_url=DATA_URI, prompt="red").json()["request_id"]
    assert fal.get(f"/queue/{EVF}/requests/{one}/status").status_code in (200, 202)
    assert fal.get(f"/queue/fal-ai/sam-3/requests/{one}/status").status_code == 404
    assert Calls(running, OTHER_KEY).get(f"/queue/{EVF}/requests/{one}/status").status_code == 404
    for path in (f"{EVF}/video", "fal-ai/sam-3/image/embed", "fal-ai/sam-3-1/image-rle"):
        assert fal.submit(path, image_url=DATA_URI).status_code == 404


def test_a_webhook_tells_what_was_found_and_which_model_to_pull(fal):
    told, both = [], threading.Event()

    def hear(request):
        told.append(json.loads(request.body))
        if len(told) == 2:
            both.set()
        return Reply()

    with http_site(hear) as site:
        for prompt in ("red", "dog"):
            fal.submit(RLE, query=f"?fal_webhook={site.url('/hook')}", image_url=DATA_URI, prompt=prompt)
        assert both.wait(60)
    found = {one["status"]: one["payload"] for one in told}
    assert iou(decoded(found["OK"]["rle"]), RED) > 0.97
    assert "rubylith models pull" in found["ERROR"]["detail"][0]["msg"]
