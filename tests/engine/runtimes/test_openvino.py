"""Networks on OpenVINO say what they say on ONNX Runtime, and in bfloat16 nearly that."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed (extra `openvino`)")

from benchmarks.golden_quality import iou, shapes_of, tight  # noqa: E402
from tests.engine.drawings import SIZE, THRESHOLDS, cases, drawings  # noqa: E402
from tests.engine.prompts import CASES, assert_as_referred, picture  # noqa: E402

from rubylith.domain.errors import ModelFailed  # noqa: E402
from rubylith.domain.image import Image  # noqa: E402
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects  # noqa: E402
from rubylith.engine.engine import Engine  # noqa: E402
from rubylith.engine.models import Weights, sam, sam2  # noqa: E402
from rubylith.engine.runtimes import Device  # noqa: E402

pytestmark = pytest.mark.openvino
FIXTURES = Path(__file__).parents[2] / "fixtures"
EXACT, HALF = Device("openvino", threads=1), Device("openvino", threads=1, precision="bf16")
counts_in_bf16 = pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
    reason="this processor does not count in bfloat16",
)


@pytest.mark.parametrize("name", ["tiny-sam", "tiny-sam_hq", "tiny-sam2"])
def test_masks_scores_and_logits_are_those_of_transformers(name):
    engine = Engine(str(FIXTURES / name), device=EXACT)
    embedding = engine.embed(Image(picture(), "digest"))
    with np.load(FIXTURES / name / "reference.npz") as reference:
        for kind, case in CASES.items():
            answers = engine._segmenter.decode(embedding, case.prompts(reference["previous"]))
            assert_as_referred(answers, reference, kind)


def test_so_are_those_of_the_golden_model_and_what_it_finds_of_everything():
    exact, image = Engine(str(FIXTURES / "golden"), device=EXACT), Image(drawings()[0].pixels, "digest")
    embedding = exact.embed(image)
    with np.load(FIXTURES / "golden" / "reference.npz") as reference:
        for kind, case in cases().items():
            answers = exact._segmenter.decode(embedding, case.prompts(reference["previous"]))
            assert_as_referred(answers, reference, kind, SIZE)
    everything = Everything(**THRESHOLDS)
    found = exact.segment(image, everything, embedding=embedding).masks
    wanted = Engine(str(FIXTURES / "golden")).segment(image, everything).masks
    assert [mask.rle for mask in found] == [mask.rle for mask in wanted]


@pytest.mark.parametrize(("family", "sides"), [(sam, (64, 32)), (sam2, (128, 32))], ids=["sam", "sam2"])
def test_the_hubs_graphs_run_too(family, sides):
    folder = FIXTURES / f"pair-{family.__name__.rpartition('.')[2]}"
    weights = Weights("pair", folder, False, *sides)
    theirs, ours = (
        model.decode(model.embed(Image(picture(), "digest")), CASES["click"].prompts(None))[0]
        for model in (family.load(weights, device) for device in (EXACT, Device(threads=1)))
    )
    assert [mask.rle for mask in theirs] == [mask.rle for mask in ours]


@counts_in_bf16
def test_bf16_changes_masks_by_little():
    half, exact = (Engine(str(FIXTURES / "golden"), device=device) for device in (HALF, EXACT))
    same = []
    for index, drawing in enumerate(drawings()):
        image = Image(drawing.pixels, f"drawing {index}")
        for shape in shapes_of(drawing):
            asked = Objects((ObjectPrompt(box=tight(shape)),))
            one, other = (engine.segment(image, asked).masks[0].rle.bitmap() for engine in (half, exact))
            same.append(iou(one, other))
    assert np.mean(same) >= 0.98
    assert min(same) < 1  # it is another precision


def test_many_threads_ask_at_once_and_each_gets_its_own():
    engine = Engine(str(FIXTURES / "golden"), device=EXACT)
    images = [Image(drawing.pixels, f"drawing {index}") for index, drawing in enumerate(drawings())]
    asked = [Objects((ObjectPrompt(box=tight(next(shapes_of(drawing)))),)) for drawing in drawings()]
    alone = [engine.segment(*one).masks[0].rle for one in zip(images, asked, strict=True)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda index: engine.segment(images[index % 6], asked[index % 6]), range(48)))
    assert [one.masks[0].rle for one in together] == alone * 8


def test_a_damaged_graph_is_an_error_with_its_fix(tmp_path):
    for file in (FIXTURES / "tiny-sam").iterdir():
        (tmp_path / file.name).write_bytes(
            file.read_bytes()[:1000] if file.name == "encoder.onnx" else file.read_bytes()
        )
    with pytest.raises(ModelFailed, match=r"encoder\.onnx cannot be loaded.*models verify"):
        Engine(str(tmp_path), device=EXACT)
