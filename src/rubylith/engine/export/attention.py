# pyright: basic, reportMissingImports=false
"""Attention over many pixels as one step of the graph, which never holds all its scores at once.

A picture of 64 x 64 patches has 4096 x 4096 scores a head: 268 MB for four heads, written and read three times. ONNX
Runtime's `MultiHeadAttention` works on tiles of them. In windows there is nothing to gain.
"""

from typing import Any

import torch
from onnx import defs
from onnxscript.function_libs.torch_lib.ops.nn import aten_scaled_dot_product_attention
from onnxscript.onnx_opset import opset20 as op
from onnxscript.values import Opset

MANY = 1024  # queries, from which on it pays
DOMAIN, NAME = "com.microsoft", "MultiHeadAttention"


def _microsoft() -> Opset:
    """The set of operators that ONNX Runtime adds, as far as it is used here; onnx has no schema of it."""
    if not defs.has(NAME, DOMAIN):
        number, array = defs.OpSchema.AttrType, defs.OpSchema.FormalParameter
        schema = defs.OpSchema(
            NAME,
            DOMAIN,
            1,
            inputs=[array(name, "T") for name in ("query", "key", "value")],
            outputs=[array("output", "T")],
            type_constraints=[("T", ["tensor(float)", "tensor(float16)"], "")],
            attributes=[
                defs.OpSchema.Attribute("num_heads", number.INT),
                defs.OpSchema.Attribute("scale", number.FLOAT, required=False),
            ],
        )
        defs.register_schema(schema)
    return Opset(DOMAIN, 1)


MICROSOFT = _microsoft()


def attention(query: Any, key: Any, value: Any, *arguments: Any, **options: Any) -> Any:
    """`F.scaled_dot_product_attention` as nodes. query: (B, heads, L, d); key, value: (B, heads, S, d)."""
    plain = aten_scaled_dot_product_attention
    if arguments or set(options) - {"scale"} or not isinstance(query.shape[2], int) or query.shape[2] < MANY:
        return plain(query, key, value, *arguments, **options)
    heads = query.shape[1]
    flat = op.Constant(value_ints=[0, 0, -1])
    rows = [op.Reshape(op.Transpose(one, perm=[0, 2, 1, 3]), flat) for one in (query, key, value)]
    scale = options.get("scale") or query.shape[3] ** -0.5
    joined = MICROSOFT.MultiHeadAttention(*rows, num_heads=heads, scale=scale)
    return op.Transpose(op.Reshape(joined, op.Constant(value_ints=[0, 0, heads, -1])), perm=[0, 2, 1, 3])


TRANSLATIONS = {torch.ops.aten.scaled_dot_product_attention.default: attention}
