"""Checkpoints of the original projects load, and give what the projects' own classes give."""

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


def test_a_missing_or_a_left_over_key_is_an_error(tmp_path):
    weights = build("sam").state_dict()
    weights["mask_decoder.surplus"] = weights.pop("mask_decoder.iou_token.weight")
    torch.save(weights, tmp_path / "weights.pth")
    with pytest.raises(ModelFailed, match=r"1 keys are missing, such as mask_decoder\.iou_token.*1 are left over"):
        load_checkpoint(tmp_path / "weights.pth")


def test_a_checkpoint_of_something_else_is_an_error(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pth")
    with pytest.raises(UnknownName, match="SAM, SAM-HQ, MobileSAM, SAM 2"):
        load_checkpoint(tmp_path / "weights.pth")
