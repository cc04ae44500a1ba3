"""The training loop: resumable at any step, with the same weights as if it had never stopped.

Every number that decides the next step is in the checkpoint or follows from the step number: weights, moving average,
optimizer state; learning rate, batch and simulated clicks are pure functions of the step and of the data folder. The
checkpoint does not know that folder: resume with the one that the run began with.
"""

from __future__ import annotations

import signal
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from torch import nn

from training.nano import guard
from training.nano.crops import deepest, spot
from training.nano.losses import LossWeights, Summary, measure
from training.nano.model import Nano, double
from training.nano.stream import Batch, StreamConfig, read_batches


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """All that decides a run.

    The rate warms up after step `begun`, stays, and falls to zero over the last `decay_steps` before `decay_end`.
    """

    stream: StreamConfig = field(default_factory=StreamConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    widths: tuple[int, int, int, int] = (24, 48, 88, 144)
    rate: float = 2e-3
    begun: int = 0
    warmup: int = 300
    decay_steps: int = 0
    decay_end: int | None = None
    weight_decay: float = 0.02
    average: float = 0.998
    clip: float = 1.0
    bfloat16: bool = False  # faster where the processor has the instructions, slower where it has not

    def rate_at(self, step: int) -> float:
        """Learning rate of a step: warm-up, stable, then linear to zero."""
        rate = self.rate * min(1.0, (step - self.begun + 1) / self.warmup)
        if self.decay_end is not None:
            rate *= min(1.0, max(0.0, (self.decay_end - step) / self.decay_steps))
        return rate


class Step(Protocol):
    """What came of a step."""

    @property
    def loss(self) -> torch.Tensor: ...

    def summary(self, config: StreamConfig) -> Summary:
        """What a log line tells, by name."""
        ...


class Trainer:
    """Network, moving average and optimizer at a step."""

    NAME = "nano"

    def __init__(self, config: TrainConfig) -> None:
        self.config, self.step = config, 0
        torch.manual_seed(config.stream.seed)
        self.network = self.build(config).to(memory_format=torch.channels_last)
        self.average = self.build(config)
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=config.rate, weight_decay=config.weight_decay)

    @staticmethod
    def build(config: TrainConfig) -> nn.Module:
        """The network of a configuration."""
        return Nano(config.widths)

    @staticmethod
    def default() -> TrainConfig:
        """A run's configuration where nothing else is said."""
        return TrainConfig()

    def measure(self, batch: Batch) -> Step:
        """The loss of a batch, with gradient; its corrections are simulated first."""
        self.simulate_corrections(batch)
        tensors = {name: torch.from_numpy(values) for name, values in batch.items()}
        self.network.train()
        with self.precision():
            outputs = self.network.forward_with_edges(*network_inputs(tensors))
        logits, scores, edges = (output.float() for output in outputs)
        return measure((double(logits), scores, edges), tensors, self.config.stream, self.config.weights)

    def train_step(self, batch: Batch) -> Step:
        """One step on the batch whose number is `self.step`."""
        measured = self.measure(batch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate_at(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        measured.loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimizer.step()
        self.follow()
        self.step += 1
        return measured

    def precision(self) -> torch.autocast:
        """The number format of the network's convolutions; losses and weights are float32 in any case."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.config.bfloat16)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average toward the weights, faster in the beginning."""
        taken = self.step - self.config.begun
        share = 1 - min(self.config.average, (1 + taken) / (40 + taken))
        mine, theirs = self.average.state_dict(), self.network.state_dict()
        floats = [name for name, value in mine.items() if value.dtype.is_floating_point]
        torch._foreach_lerp_([mine[name] for name in floats], [theirs[name].contiguous() for name in floats], share)

    @torch.no_grad()
    def simulate_corrections(self, batch: Batch) -> None:
        """Give the correction rows the network's own mask and a click in its largest error, up to three times."""
        config = self.config.stream
        if not config.corrections:
            return
        rounds = int(np.random.default_rng([config.seed, 3, self.step]).choice([0, 1, 1, 2, 3]))
        rows = slice(config.rows - config.corrections, config.rows)
        self.network.eval()
        for _ in range(rounds):
            tensors = {name: torch.from_numpy(batch[name][rows]) for name in ("image", "hints", "context", "numbers")}
            with self.precision():
                logits, scores = self.network(*network_inputs(tensors))
            chosen = (logits[torch.arange(len(logits)), scores.argmax(1)] > 0).numpy()
            for hints, mask, target in zip(batch["hints"][rows], chosen, batch["targets"][rows, 0] > 0, strict=True):
                correct(hints, mask, target)

    def save(self, path: Path) -> None:
        """Write everything, or nothing if interrupted."""
        state = {
            "step": self.step,
            "config": asdict(self.config),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "torch_rng": torch.get_rng_state(),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def save_weights(self, path: Path, dtype: torch.dtype = torch.float32) -> None:
        """Write the averaged weights alone: what is exported, and what a new run can begin with."""
        network = {
            name: value.to(dtype) if value.dtype.is_floating_point else value
            for name, value in self.average.state_dict().items()
        }
        samples = self.step * self.config.stream.rows
        torch.save({"network": network, "widths": self.config.widths, "samples": samples}, path)

    @classmethod
    def read(cls, path: Path) -> dict:
        """A checkpoint or weights; ValueError where they are the other network's."""
        state = torch.load(path)
        held = "contours" if "borders.weight" in state["network"] else "nano"
        if held != cls.NAME:
            raise ValueError(f"{path} holds the network {held}: say --network {held}")
        return state

    @classmethod
    def begin(cls, path: Path, config: TrainConfig) -> Self:
        """A new run from averaged weights: the optimizer warms up anew, on scenes that they have hardly seen."""
        state = cls.read(path)
        step = state["samples"] // config.stream.rows
        trainer = cls(replace(config, begun=step, widths=tuple(state["widths"])))
        trainer.step = step
        for network in (trainer.network, trainer.average):
            network.load_state_dict(state["network"])
        return trainer

    @classmethod
    def load(cls, path: Path, config: TrainConfig | None = None) -> Self:
        """The trainer as it was saved; another `config` may change the schedule."""
        state = cls.read(path)
        trainer = cls(config or config_from(state["config"]))
        trainer.step = state["step"]
        for name in ("network", "average", "optimizer"):
            getattr(trainer, name).load_state_dict(state[name])
        torch.set_rng_state(state["torch_rng"])
        return trainer


def config_from(stored: dict) -> TrainConfig:
    """The configuration that `asdict` made a dictionary of."""
    parts = {
        "stream": StreamConfig(**stored["stream"]),
        "weights": LossWeights(**stored["weights"]),
        "widths": tuple(stored["widths"]),
    }
    return TrainConfig(**{**stored, **parts})


def network_inputs(tensors: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The four arguments of the network."""
    return tensors["image"], tensors["hints"], tensors["context"], tensors["numbers"][:, :2]


def correct(hints: np.ndarray, mask: np.ndarray, target: np.ndarray) -> None:
    """Write an earlier mask and the click that corrects it into a row's hints (4, S, S) uint8."""
    missing, extra = target & ~mask, mask & ~target
    hints[3] = mask.astype(np.uint8) * 255
    plane, wrong = (0, missing) if missing.sum() >= extra.sum() else (1, extra)
    if wrong.any():
        spot(hints[plane], *deepest(wrong))


class Log:
    """Means since the last line, printed and appended to a file."""

    def __init__(self, path: Path, config: StreamConfig) -> None:
        self.path, self.config = path, config
        self.rows: list[Summary] = []
        self.waited, self.since = 0.0, time.perf_counter()

    def add(self, measured: Step, waited: float) -> None:
        """Take in one step."""
        self.waited += waited
        self.rows.append(measured.summary(self.config))

    def line(self, step: int, rate: float) -> None:
        """Write the means and begin anew."""
        spent, samples = time.perf_counter() - self.since, len(self.rows) * self.config.rows
        means = {name: np.mean([row[name] for row in self.rows]) for name in self.rows[0]}
        text = f"step {step} samples {step * self.config.rows} rate {rate:.5f} " + " ".join(
            f"{name} {value:.3f}" for name, value in means.items()
        )
        text += f" | {samples / spent:.0f} samples/s, {self.waited / spent:.0%} waiting, {time.strftime('%H:%M:%S')}"
        print(text, flush=True)
        with self.path.open("a") as file:
            file.write(text + "\n")
        self.rows, self.waited, self.since = [], 0.0, time.perf_counter()


def keeps_weights(samples: int, rows: int) -> bool:
    """Whether a step just passed a count at which weights are kept: 25, 50, 100, 200, 400, 600 ... thousand samples."""
    marks = [25_000 * 2**power for power in range(4)] + list(range(400_000, samples + 1, 200_000))
    return any(samples - rows < mark <= samples for mark in marks)


def train(
    trainer: Trainer,
    run: Path,
    data: Path | None,
    *,
    steps: int | None = None,
    workers: int = 1,
    minutes: float = 5.0,
    log_every: int = 100,
) -> None:
    """Train until `steps` or the end of the decay, or until interrupted; checkpoints go to `run`/checkpoint.pt."""
    guard.forbid_evaluation_data()
    run.mkdir(parents=True, exist_ok=True)
    config, checkpoint = trainer.config, run / "checkpoint.pt"
    last = min(value for value in (steps, config.decay_end, 1 << 60) if value is not None)
    stopped: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: stopped.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    log, saved = Log(run / "log.txt", config.stream), time.perf_counter()
    batches = read_batches(config.stream, data, start=trainer.step, workers=workers)
    try:
        while trainer.step < last and not stopped:
            asked = time.perf_counter()
            batch = next(batches)
            waited = time.perf_counter() - asked
            log.add(trainer.train_step(batch), waited)
            if trainer.step % log_every == 0:
                log.line(trainer.step, config.rate_at(trainer.step))
            samples = trainer.step * config.stream.rows
            if keeps_weights(samples, config.stream.rows):
                trainer.save_weights(run / f"weights-{samples // 1000:05d}k.pt")
            if time.perf_counter() - saved > minutes * 60:
                trainer.save(checkpoint)
                saved = time.perf_counter()
    finally:
        batches.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    trainer.save(checkpoint)
    trainer.save_weights(run / "weights.pt")
    trainer.save_weights(run / "weights-half.pt", torch.float16)


def cooled(config: TrainConfig, step: int, steps: int) -> TrainConfig:
    """The configuration with the rate falling to zero over the next `steps` steps."""
    return replace(config, decay_steps=steps, decay_end=step + steps)
