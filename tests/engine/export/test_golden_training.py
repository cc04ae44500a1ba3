"""The golden model's training: it learns with the very decoder of transformers, and goes on where it stopped."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

from benchmarks.golden.batches import draw_pool, make_batch  # noqa: E402
from benchmarks.golden.learning import decode, decode_untold, embed_prompts, from_cells, in_cells  # noqa: E402
from benchmarks.golden.start import new_model  # noqa: E402

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]
SIZE = 96
ALL = torch.arange((SIZE // 4) ** 2)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return make_batch(rng, draw_pool(rng, 2, SIZE), np.arange(2), 6)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return new_model(SIZE).eval()


def seen(model, batch):
    nothing = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
    return model.vision_encoder(batch.pixels[:1]).last_hidden_state, embed_prompts(model, batch)[0], nothing


@torch.no_grad()
def test_the_decoder_that_learns_is_that_of_transformers(model, batch):
    for layer in model.mask_decoder.transformer.layers:
        layer.cross_attn_image_to_token.out_proj.weight.normal_(0, 0.1)  # zero at the start
    embedding, sparse, nothing = seen(model, batch)
    logits, scores = decode(model, embedding, sparse, nothing, ALL)
    labels = torch.ones(1, 4, 1, dtype=torch.int64)
    clicks = model(image_embeddings=embedding, input_points=batch.points[:1, :4, None], input_labels=labels)
    boxes = model(image_embeddings=embedding, input_boxes=batch.boxes[:1, 4:], multimask_output=False)
    assert torch.allclose(from_cells(logits)[:4, 1:], clicks.pred_masks[0], atol=1e-4)
    assert torch.allclose(scores[:4, 1:], clicks.iou_scores[0], atol=1e-5)
    assert torch.allclose(from_cells(logits)[4:, :1], boxes.pred_masks[0], atol=1e-4)
    some = torch.tensor([5, 99, 400])
    masks = from_cells(logits).flatten(0, 1)
    assert torch.allclose(
        decode(model, embedding, sparse, nothing, some)[0].flatten(0, 1), in_cells(masks, some), atol=1e-4
    )


@torch.no_grad()
def test_at_the_start_half_a_decoder_says_the_same(model, batch):
    arguments = (model, *seen(model, batch), ALL)
    for whole, half in zip(decode(*arguments), decode_untold(*arguments), strict=True):
        assert torch.allclose(whole, half, atol=1e-5)


def test_two_workers_train_and_go_on_where_they_stopped_on_a_larger_square(tmp_path):
    def train(steps, size):
        options = f"--size {size} --steps {steps} --untold 1 --drawings 2 --batch 1 --prompts 3".split()
        command = [sys.executable, "-m", "benchmarks.train_golden", "--out", tmp_path / "out", *options]
        result = subprocess.run(
            [*command, "--state", tmp_path / "state"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
        )
        return result.stdout

    assert train(1, SIZE).startswith("step 1: loss")
    assert train(3, 128).startswith("step 3: loss")
    assert torch.load(tmp_path / "state")["step"] == 3
    assert (tmp_path / "out" / "model.safetensors").stat().st_size < 4 * 2**20
