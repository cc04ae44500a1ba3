"""Trains the golden model: a SAM of under a million parameters that knows drawings, so that tests can be about masks.

    python -m benchmarks.train_golden --out tests/fixtures/golden

Needs the extra `torch` (PyTorch and transformers). Everything it learns from is drawn by `golden/drawings.py`, from a
seed. The architecture is transformers' `SamModel` from a small configuration, so that every code path of the real
models is used; `golden/start.py` says where its weights begin. Each worker is a process with one thread: they learn
from different drawings and share their gradients, which on a busy machine is far quicker than threads.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.distributed as workers
from benchmarks.golden.batches import Batch, draw_pool, make_batch
from benchmarks.golden.learning import decode, embed_prompts, in_cells, is_box, some_cells, told_loss, untold_loss
from benchmarks.golden.start import new_model, resized
from torch import Tensor, nn
from transformers import SamModel

KEPT = 0.99  # of the running mean of the weights, per step
POSITION = "vision_encoder.pos_embed"
UNSEEN = 1_000_000  # seed of the drawings that are looked at now and then, never learnt from


@dataclass(frozen=True)
class Plan:
    """size: of the square in pixels; what was learnt on another goes on here.

    steps: of the optimiser, the first `untold` of them with half a decoder and three times the prompts.
    drawings: to learn from, per worker. batch: drawings a step and worker, with `prompts` each.
    """

    size: int
    steps: int
    untold: int
    drawings: int
    batch: int
    prompts: int
    rate: float
    seed: int
    workers: int


def train(rank: int, plan: Plan, out: Path, state: Path | None, meeting: str) -> None:
    """Learn; the first worker saves the running mean of the weights.

    state: file to go on from. meeting: where the workers find each other, a file that is not there yet.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    workers.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=plan.workers)
    torch.manual_seed(plan.seed)
    model, mean = new_model(plan.size), new_model(plan.size)
    mean.load_state_dict(model.state_dict())
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=plan.rate, weight_decay=0.01, betas=(0.9, 0.98))
    parts = {"model": model, "mean": mean, "optimizer": optimizer}
    first = _restore(state, parts, plan.size)
    pool = draw_pool(np.random.default_rng([plan.seed, rank]), plan.drawings, plan.size)
    rng = np.random.default_rng([plan.seed, rank, first])
    others = draw_pool(np.random.default_rng(UNSEEN), 32, plan.size)
    unseen = make_batch(np.random.default_rng(0), others, np.arange(32), 12)
    began, average = time.perf_counter(), 0.0
    for index in range(first, plan.steps):
        done = index / plan.steps
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * min(1, (index + 1) / 100, 1.5 * (1 - done) + 0.01)
        is_told, balance = index >= plan.untold, max(0.0, 1 - index / (2 * plan.untold))
        prompts = plan.prompts if is_told else 3 * plan.prompts
        batch = make_batch(rng, pool, rng.integers(0, plan.drawings, plan.batch), prompts)
        if is_told:
            loss = told_loss(model, batch, rng, balance=balance, again=done > 0.6 and index % 3 == 0)
        else:
            loss = untold_loss(model, batch, balance)
        optimizer.zero_grad()
        loss.backward()
        _share_gradients(weights, plan.workers)
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        with torch.no_grad():
            kept = min(KEPT, index / (index + 10))
            torch._foreach_lerp_(list(mean.parameters()), list(model.parameters()), 1 - kept)
        average += (loss.item() - average) / min(index - first + 1, 50)
        if rank == 0 and ((index + 1) % 100 == 0 or index + 1 == plan.steps):
            seconds = time.perf_counter() - began
            print(f"step {index + 1}: loss {average:.3f}, {check(mean, unseen)} after {seconds:.0f} s", flush=True)
            mean.save_pretrained(out)
            if state:
                torch.save({"step": index + 1} | {name: part.state_dict() for name, part in parts.items()}, state)
    workers.destroy_process_group()


def _restore(state: Path | None, parts: dict[str, Any], size: int) -> int:
    """The step to go on with; positions and their moments are stretched where the square was another."""
    if state is None or not state.exists():
        return 0
    saved: dict[str, Any] = torch.load(state)
    for name in ("model", "mean"):
        saved[name][POSITION] = resized(saved[name][POSITION], size)
    trained = [name for name, weight in parts["model"].named_parameters() if weight.requires_grad]
    moments = saved["optimizer"]["state"][trained.index(POSITION)]
    for name in ("exp_avg", "exp_avg_sq"):
        moments[name] = resized(moments[name], size)
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return int(saved["step"])


def _share_gradients(weights: list[nn.Parameter], count: int) -> None:
    """Each weight's gradient becomes the workers' mean."""
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in weights]
    flat = torch.cat([g.flatten() for g in gradients])
    workers.all_reduce(flat)
    for weight, part in zip(weights, flat.split([g.numel() for g in gradients]), strict=True):
        weight.grad = part.view_as(weight) / count


@torch.no_grad()
def check(model: SamModel, batch: Batch) -> str:
    """Mean IoU on drawings that are not learnt from: of the mask that the model likes best, and of a box's."""
    embeddings = model.vision_encoder(batch.pixels).last_hidden_state
    nothing = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
    boxed = is_box(batch)
    found: list[Tensor] = []
    for embedding, tokens, truth in zip(embeddings[:, None], embed_prompts(model, batch), batch.truth, strict=True):
        cells = some_cells(truth, 1)
        logits, scores = decode(model, embedding, tokens, nothing, cells)
        pick = torch.where(boxed, 0, 1 + scores[:, 1:].argmax(1))
        cut, object_ = logits[torch.arange(len(logits)), pick] > 0, in_cells(truth, cells) > 0.5
        found.append((cut & object_).sum(1) / (cut | object_).sum(1).clamp(min=1))
    iou = torch.stack(found)
    return f"click {iou[:, ~boxed].mean():.3f} box {iou[:, boxed].mean():.3f}"


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--state", type=Path, help="go on from this file if it is there, and keep it up to date")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--untold", type=int, default=400)
    parser.add_argument("--drawings", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    plan = Plan(**{name: getattr(options, name) for name in Plan.__dataclass_fields__})
    with tempfile.TemporaryDirectory() as folder:
        arguments = (plan, options.out, options.state, f"{folder}/meeting")
        torch.multiprocessing.start_processes(train, arguments, plan.workers, start_method="fork")


if __name__ == "__main__":
    main()
