"""Networks on OpenVINO say what they say on ONNX Runtime, and in bfloat16 and int8 nearly that."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed (extra `openvino`)")

from benchmarks.golden.drawings import draw_many  # noqa: E402
from benchmarks.golden_quality import iou, shapes_of, tight  # noqa: E402
from tests.engine.drawings import SIZE, THRESHOLDS, cases, drawings  # noqa: E402
from tests.engine.prompts import CASES, assert_as_referred, picture  # noqa: E402

from rubylith.__main__ import main  # noqa: E402
from rubylith.domain.errors import ModelFailed, WeightsMissing  # noqa: E402
from rubylith.domain.image import Image  # noqa: E402
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects  # noqa: E402
from rubylith.engine.engine import Engine  # noqa: E402
from rubylith.engine.export.quantize import calibrate  # noqa: E402
from rubylith.engine.frames import Frame  # noqa: E402
from rubylith.engine.models import Weights, sam, sam2  # noqa: E402
from rubylith.engine.runtimes import Device  # noqa: E402

pytestmark = pytest.mark.openvino
FIXTURES = Path(__file__).parents[2] / "fixtures"
EXACT, HALF, EIGHT = (Device("openvino", threads=1, precision=name) for name in ("fp32", "bf16", "int8"))
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
    same = sameness(FIXTURES / "golden", HALF)
    assert np.mean(same) >= 0.98
    assert min(same) < 1  # it is another precision


def test_int8_with_ranges_measured_on_other_drawings_changes_masks_by_little(tmp_path):
    folder = copy_of_golden(tmp_path)
    shown = [{"pixel_values": as_shown(drawing.pixels)} for drawing in draw_many(77, 9)]
    calibrate(folder / "encoder.onnx", folder / "encoder_int8_static.onnx", shown[:-1], shown[-1])
    same = sameness(folder, EIGHT)
    assert np.mean(same) >= 0.97
    assert min(same) < 1


def test_an_export_measures_them_on_the_pictures_of_a_folder(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    for index, drawing in enumerate(draw_many(78, 3, (180, 240))):
        PIL.Image.fromarray(drawing.pixels).save(tmp_path / f"{index}.png")
    checkpoint, home = str(FIXTURES / "golden" / "checkpoint"), tmp_path / "mine"
    words = ["export", str(home), checkpoint, "--precision", "int8", "--calibrate", str(tmp_path)]
    assert main(["models", *words]) == 0
    assert np.mean(sameness(home, EIGHT)) >= 0.95


def test_int8_without_measured_ranges_is_an_error_with_its_fix(tmp_path):
    with pytest.raises(WeightsMissing, match=r"int8 with measured ranges.*--precision int8 --calibrate"):
        Engine(str(copy_of_golden(tmp_path)), device=EIGHT)


def sameness(folder: Path, device: Device) -> list[float]:
    """IoU of each shape's mask with that in fp32, by a tight box."""
    rough, exact = Engine(str(folder), device=device), Engine(str(folder), device=EXACT)
    same: list[float] = []
    for index, drawing in enumerate(drawings()):
        image = Image(drawing.pixels, f"drawing {index}")
        embeddings = [(engine, engine.embed(image)) for engine in (rough, exact)]
        for shape in shapes_of(drawing):
            asked = Objects((ObjectPrompt(box=tight(shape)),))
            found = [engine.segment(image, asked, embedding=embedding) for engine, embedding in embeddings]
            same.append(iou(*(one.masks[0].rle.bitmap() for one in found)))
    return same


def copy_of_golden(folder: Path) -> Path:
    for name in ("model.json", *(f"{graph}.onnx" for graph in ("encoder", "prepare", "transformer", "upscaler"))):
        shutil.copy(FIXTURES / "golden" / name, folder / name)
    return folder


def as_shown(pixels: np.ndarray) -> np.ndarray:
    image, page = Image(pixels, "digest"), json.loads((FIXTURES / "golden" / "model.json").read_text())
    return Frame.padded(image.size, page["input_size"], page["mask_size"]).pixels(image)


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
