"""Checkpoints of the original projects load, and give what the projects' own classes give."""

from functools import cache

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

from tests.reference import originals  # noqa: E402

from rubylith.domain.errors import ModelFailed, UnknownName  # noqa: E402
from rubylith.engine.export.checkpoints import load_checkpoint  # noqa: E402
from rubylith.engine.export.parts import parts_of  # noqa: E402

pytestmark = pytest.mark.torch
PROJECTS = ("sam", "sam_hq", "mobile_sam", "sam2")


def build(project):
    try:
        return getattr(originals, project)()
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name or missing} is not installed")


def our_answers(source, pixels, points):
    """Logits (P, 3, low, low) and predicted IoU (P, 3) for lone clicks, by the modules that are exported."""
    arrays = {
        "pixel_values": pixels,
        "mask": torch.zeros(1, 1, source.mask_size, source.mask_size),
        "has_mask": torch.zeros(1),
        "points": torch.stack([points, torch.zeros_like(points)], 1),
        "labels": torch.tensor([[1, -1]]).expand(len(points), -1),
        "valid": torch.tensor([source.mask_size, source.mask_size]),
        "offset": torch.ones(1),
    }
    for part in parts_of(source):
        results = part.module(**{name: arrays[name] for name in part.inputs})
        arrays |= dict(zip(part.outputs, results, strict=True))
    return arrays["logits"][:, 1:], arrays["iou"][:, 1:]


@pytest.mark.parametrize("project", PROJECTS)
@torch.no_grad()
def test_a_checkpoint_of_the_project_gives_its_logits(project, tmp_path):
    model = build(project)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    source = load_checkpoint(tmp_path / "weights.pth")
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(1, 3, source.side, source.side, generator=generator)
    points = torch.rand(3, 2, generator=generator) * source.side
    wanted = originals.answers(model, pixels, points)
    logits, iou = our_answers(source, pixels, points)
    scale = max(1.0, float(wanted["logits"].abs().max()))
    assert float((logits - wanted["logits"]).abs().max()) / scale < 1e-3
    assert torch.allclose(iou, wanted["iou"], atol=1e-3)


PROMPTS = ("prompt_encoder.no_mask_embed.weight", "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix")
DECODER = ("mask_decoder.iou_prediction_head.layers.0.weight",)
VIT = (
    "image_encoder.patch_embed.proj.weight",
    "image_encoder.blocks.0.attn.rel_pos_h",
    "image_encoder.blocks.0.mlp.lin1.weight",
    "image_encoder.neck.0.weight",
    "mask_decoder.transformer.layers.0.mlp.lin1.weight",
    "mask_decoder.iou_token.weight",
    *PROMPTS,
    *DECODER,
)
SHAPES = {
    "sam": VIT,
    "sam_hq": VIT,
    "mobile_sam": ("mask_decoder.transformer.layers.0.mlp.lin1.weight", *PROMPTS, *DECODER),
    "sam2": (
        "sam_mask_decoder.transformer.layers.0.mlp.layers.0.weight",
        *(f"sam_{key}" for key in (*PROMPTS, *DECODER)),
    ),
}


@pytest.fixture(scope="module")
def weights():
    """All arrays of a project's checkpoint; each project is built once."""
    return cache(lambda project: build(project).state_dict())


@pytest.mark.parametrize(("project", "key"), [(project, key) for project, keys in SHAPES.items() for key in keys])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_key_that_is_missing_or_of_another_shape_is_an_error(tmp_path, weights, project, key, is_there):
    changed = dict(weights(project))
    last = changed.pop(key).shape
    if is_there:
        changed[key] = torch.zeros([*last, 1])
    torch.save(changed, tmp_path / "weights.pth")
    with pytest.raises(ModelFailed, match=r"does not fit its architecture: .*Give the original project's file") as told:
        load_checkpoint(tmp_path / "weights.pth")
    assert is_there or f"{key} is missing" in str(told.value) or "are missing" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_and_a_left_over_key_are_named(tmp_path, weights):
    changed = dict(weights("sam"))
    changed["mask_decoder.surplus"] = changed.pop("mask_decoder.iou_token.weight")
    torch.save(changed, tmp_path / "weights.pth")
    with pytest.raises(ModelFailed, match=r"1 keys are missing, such as mask_decoder\.iou_token.*1 are left over"):
        load_checkpoint(tmp_path / "weights.pth")


@pytest.mark.parametrize("project", ["sam", "sam2"])
def test_an_encoder_without_blocks_is_an_error(tmp_path, weights, project):
    torch.save({k: v for k, v in weights(project).items() if ".blocks." not in k}, tmp_path / "weights.pth")
    with pytest.raises((ModelFailed, UnknownName), match=r"does not fit|96 wide, 0 deep"):
        load_checkpoint(tmp_path / "weights.pth")


@pytest.mark.parametrize("data", [b"", b"junk", b"junk" * 1000, b"PK\3\4" + b"x" * 100, b"\x80\x02}q\x00."])
def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path, data):
    (tmp_path / "weights.pth").write_bytes(data)
    with pytest.raises((ModelFailed, UnknownName), match=r"is no checkpoint: .+|SAM, SAM-HQ") as told:
        load_checkpoint(tmp_path / "weights.pth")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("holds", [[torch.zeros(1)], {"model": [1]}, {"image_encoder.pos_embed": "no array"}, 3])
def test_a_checkpoint_that_holds_no_arrays_by_name_is_an_error(tmp_path, holds):
    torch.save(holds, tmp_path / "weights.pth")
    with pytest.raises(UnknownName, match="SAM, SAM-HQ, MobileSAM, SAM 2"):
        load_checkpoint(tmp_path / "weights.pth")


def test_a_checkpoint_of_something_else_is_an_error(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pth")
    with pytest.raises(UnknownName, match="SAM, SAM-HQ, MobileSAM, SAM 2"):
        load_checkpoint(tmp_path / "weights.pth")
