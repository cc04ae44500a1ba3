"""Writes tests/fixtures/finds-red/nano.onnx, a network that knows only red, so that tests know what it should answer.

    python -m tests.engine.embedded.finds_red        # needs onnx

Its three masks: red, only bright red, not red. It promises .9, .6 and .3 where a crop holds a positive click, a box or
a negative click, and nothing where the caller's hints did not arrive.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[2] / "fixtures" / "finds-red" / "nano.onnx"


def write(path: Path) -> None:
    """The graph: a 1 x 1 convolution on the crop, and the maximum of its first three hints."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, values: object, kind: type) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, kind), name)

    def value(name: str, kind: int, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, ["n", *shape])

    redness = np.array([[1, -0.5, -0.5], [1, -0.5, -0.5], [-1, 0.5, 0.5]]).reshape(3, 3, 1, 1) / 10
    constants = [
        constant("weights", redness, np.float32),
        constant("bias", [-4, -11, 4], np.float32),
        constant("worth", np.array([[0.9, 0.6, 0.3]]) / 255, np.float32),
        constant("nothing", 0, np.float32),
        *(
            constant(name, values, np.int64)
            for name, values in (("0", [0]), ("1", [1]), ("3", [3]), ("all", [1, 2, 3]))
        ),
    ]
    steps = [
        ("Cast", ("image",), "colours", {"to": TensorProto.FLOAT}),
        ("Transpose", ("colours",), "planes", {"perm": [0, 3, 1, 2]}),
        ("Conv", ("planes", "weights", "bias"), "masks", {}),
        ("Slice", ("hints", "0", "3", "1"), "said", {}),
        ("Cast", ("said",), "marks", {"to": TensorProto.FLOAT}),
        ("ReduceMax", ("marks", "all"), "loudest", {"keepdims": 0}),
        ("Unsqueeze", ("loudest", "1"), "heard", {}),
        ("Mul", ("heard", "worth"), "promised", {}),
        ("Cast", ("context",), "surroundings", {"to": TensorProto.FLOAT}),
        ("ReduceSum", ("surroundings", "all"), "around", {"keepdims": 0}),
        ("Unsqueeze", ("around", "1"), "seen", {}),
        ("ReduceSum", ("numbers", "1"), "told", {"keepdims": 1}),
        ("Add", ("seen", "told"), "unused", {}),
        ("Mul", ("unused", "nothing"), "no difference", {}),
        ("Add", ("promised", "no difference"), "predicted_iou", {}),
    ]
    inputs = [
        value("image", TensorProto.UINT8, 128, 128, 3),
        value("hints", TensorProto.UINT8, 4, 128, 128),
        value("context", TensorProto.UINT8, 64, 64, 5),
        value("numbers", TensorProto.FLOAT, 2),
    ]
    outputs = [value("masks", TensorProto.FLOAT, 3, 128, 128), value("predicted_iou", TensorProto.FLOAT, 3)]
    nodes = [helper.make_node(kind, list(taken), [given], **more) for kind, taken, given, more in steps]
    graph = helper.make_graph(nodes, "finds-red", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


if __name__ == "__main__":
    write(FILE)
