"""Graphs as they are written: attention over many pixels in one step, encoders in int8."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

import onnx  # noqa: E402
from tests.engine.prompts import picture  # noqa: E402
from tests.reference.tiny import TINY  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from rubylith.domain.errors import ModelFailed  # noqa: E402
from rubylith.domain.geometry import Box  # noqa: E402
from rubylith.domain.image import Image  # noqa: E402
from rubylith.domain.prompt import ObjectPrompt, Objects  # noqa: E402
from rubylith.domain.rle import rle_iou  # noqa: E402
from rubylith.engine.engine import Engine  # noqa: E402
from rubylith.engine.export import attention, quantize  # noqa: E402
from rubylith.engine.export.parts import Part  # noqa: E402
from rubylith.engine.export.sources import from_transformers  # noqa: E402
from rubylith.engine.export.write import Graph, export, write_checked  # noqa: E402
from rubylith.engine.runtimes import Device  # noqa: E402
from rubylith.engine.runtimes.onnx import open_network  # noqa: E402

pytestmark = pytest.mark.torch
ONES = np.ones((1, 3, 128, 128), np.float32)


class Looking(torch.nn.Module):
    def forward(self, query, key, value):
        return F.scaled_dot_product_attention(query, key, value, scale=0.3)


@pytest.mark.parametrize(("queries", "is_one_step"), [(attention.MANY, True), (attention.MANY - 1, False)])
def test_attention_of_many_pixels_is_one_step_and_says_the_same(tmp_path, queries, is_one_step):
    generator = torch.Generator().manual_seed(0)
    arrays = {
        "query": torch.randn(1, 2, queries, 12, generator=generator),
        "key": torch.randn(1, 2, 300, 12, generator=generator),
        "value": torch.randn(1, 2, 300, 12, generator=generator),
    }
    path = tmp_path / "looking.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        torch.onnx.export(
            Looking().eval(),
            kwargs=arrays,
            f=str(path),
            dynamo=True,
            input_names=list(arrays),
            custom_translation_table=attention.TRANSLATIONS,
            external_data=False,
            verbose=False,
        )
    steps = {node.op_type for node in onnx.load(path).graph.node}
    assert ("MultiHeadAttention" in steps, "Softmax" in steps) == (is_one_step, not is_one_step)
    (said,) = open_network(path, Device()).run({name: array.numpy() for name, array in arrays.items()}).values()
    assert np.abs(said - Looking()(**arrays).numpy()).max() < 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("int8")
    export(from_transformers(TINY["sam2"]()), path, precision="int8")
    return path


def test_an_encoder_in_int8_is_smaller_and_says_nearly_the_same(folder):
    box = Objects((ObjectPrompt(box=Box(10, 12, 60, 70)),))
    image = Image(picture(), "digest")
    exact, rough = (
        Engine(str(folder), device=Device(precision=p)).segment(image, box).masks[0].rle for p in ("fp32", "int8")
    )
    assert rle_iou([exact], [rough])[0, 0] > 0.8  # random weights: a mask without an edge to hold on to
    page = json.loads((folder / "model.json").read_text())
    assert 0 < page["differences"]["encoder_int8"] < quantize.LIMIT
    assert page["everything"] == {"pred_iou_thresh": 0.8}


@pytest.mark.parametrize("is_measured", [False, True])
def test_an_encoder_that_says_something_else_in_int8_is_not_kept(folder, tmp_path, monkeypatch, is_measured):
    monkeypatch.setattr(quantize, "LIMIT", 1e-6)
    path, target, shown = folder / "encoder.onnx", tmp_path / "int8.onnx", {"pixel_values": ONES}
    with pytest.raises(ModelFailed, match=r"In int8 the encoder differs.*use --precision fp32"):
        quantize.calibrate(path, target, [shown], shown) if is_measured else quantize.quantize(path, target, shown)
    assert not target.exists()


class Sum(torch.nn.Module):
    """What it says of a switch, it says of the value at which it is traced if `is_fixed`."""

    def __init__(self, is_fixed=False, factor=1.0):
        super().__init__()
        self.is_fixed, self.factor = is_fixed, factor

    def forward(self, values, switch):
        return (values * (1.0 if self.is_fixed and torch.compiler.is_exporting() else switch) * self.factor,)


def sum_graph(module):
    arrays = {"values": torch.arange(6.0), "switch": torch.ones(1)}
    return Graph(Part("sum", module, ("values", "switch"), ("sum",)), arrays, {}, {"switch": torch.zeros(1)})


def test_what_tracing_took_for_constant_is_noticed(tmp_path):
    assert write_checked(sum_graph(Sum()), tmp_path, str) < 1e-6
    with pytest.raises(ModelFailed, match=r"The exported sum differs from the model"):
        write_checked(sum_graph(Sum(is_fixed=True)), tmp_path, str)


def test_a_network_that_says_nan_is_not_registered(tmp_path):
    with pytest.raises(ModelFailed, match=r"The exported sum differs from the model by nan"):
        write_checked(sum_graph(Sum(factor=float("nan"))), tmp_path, str)
    graph = onnx.load(Path(__file__).parents[2] / "fixtures" / "tiny-sam2" / "encoder.onnx")
    for weight in graph.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and len(weight.dims) == 1 and weight.dims[0] >= 8:
            values = onnx.numpy_helper.to_array(weight) * np.float32("nan")
            weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(graph, tmp_path / "encoder.onnx")
    with pytest.raises(ModelFailed, match=r"In int8 the encoder differs by nan"):
        quantize.quantize(tmp_path / "encoder.onnx", tmp_path / "int8.onnx", {"pixel_values": ONES})
    assert not (tmp_path / "int8.onnx").exists()


def test_with_pictures_a_third_encoder_has_their_ranges(tmp_path):
    noise = np.random.default_rng(0).standard_normal((3, 1, 3, 128, 128)).astype(np.float32)
    differences = export(from_transformers(TINY["sam2"]()), tmp_path, precision="int8", pictures=list(noise))
    assert 0 < differences["encoder_int8_static"] < quantize.LIMIT
    steps = {node.op_type for node in onnx.load(tmp_path / "encoder_int8_static.onnx").graph.node}
    assert "QuantizeLinear" in steps
    assert "DynamicQuantizeLinear" not in steps


def test_a_graph_does_not_tell_where_on_this_machine_it_was_made(folder):
    written = sorted(folder.glob("*.onnx"))
    assert len(written) >= 4
    assert [path.name for path in written if b".py" in path.read_bytes()] == []
