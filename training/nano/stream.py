"""The endless stream of training batches, a pure function of its configuration and the batch number.

Batch b belongs to lane b % LANES. A lane makes one new scene a batch (or fewer) and draws its rows from its last
`window` scenes, so batch b needs only scenes whose numbers follow from b: any worker can make it, at any time, with the
same bytes.
Workers take lanes in turn and write batches into shared memory; the reader takes them in order.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np

from training.nano import guard
from training.nano.prompts import PromptScene, Row, box_rows, click_rows, correction_rows, row_fields, view_rows
from training.nano.scenes import load_materials, make_scene
from training.nano.shapes import Materials

LANES = 16
SLOTS = 6
TRIES = 200  # of a lane's scenes, before a row is drawn from a scene of its own
SPARE = 1 << 40  # numbers of such scenes begin here, far above those of the lanes
Batch = dict[str, np.ndarray]
Maker = Callable[[np.random.Generator, PromptScene, int], list[Row] | None]


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """What decides every byte of the stream. A batch holds click pairs, then boxes, then corrections; or views only."""

    seed: int = 1
    size: int = 128
    click_pairs: int = 8
    boxes: int = 10
    corrections: int = 6
    window: int = 48
    first: int = 8
    turns_per_scene: int = 1
    textures: int = 420
    views: int = 0

    @property
    def rows(self) -> int:
        """Rows a batch."""
        return 2 * self.click_pairs + self.boxes + self.corrections + self.views

    @property
    def fields(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and dtype of a row's arrays; views have no prompt and nothing that is meant."""
        fields = row_fields(self.size)
        return {name: fields[name] for name in ("image", "edges")} if self.views else fields

    def __post_init__(self) -> None:
        if self.views and self.rows > self.views:
            raise ValueError("a batch of views holds nothing else")


class Stream:
    """Makes batches; keeps the scenes of the lanes it was asked for."""

    def __init__(self, config: StreamConfig, materials: Materials) -> None:
        self.config, self.materials = config, materials
        self.scenes: dict[int, dict[int, PromptScene]] = {}

    def lane_scenes(self, lane: int, turn: int) -> list[PromptScene]:
        """The scenes that a lane draws from at its turn, oldest first; older ones are forgotten."""
        last = turn // self.config.turns_per_scene + self.config.first
        known, wanted = self.scenes.get(lane, {}), range(max(0, last - self.config.window), last)
        for number in wanted:
            if number not in known:
                known[number] = PromptScene(make_scene(self.config.seed, number * LANES + lane, self.materials))
        self.scenes[lane] = {number: known[number] for number in wanted}
        return list(self.scenes[lane].values())

    def batch(self, number: int) -> Batch:
        """Batch `number`: every field of the configuration with the rows stacked."""
        config, rows = self.config, []
        makers = [click_rows] * config.click_pairs + [box_rows] * config.boxes + [correction_rows] * config.corrections
        makers += [view_rows] * config.views
        for unit, make in enumerate(makers):
            rows += self.draw(make, number, unit)
        return {name: np.stack([row[name] for row in rows]) for name in config.fields}

    def draw(self, make: Maker, number: int, unit: int) -> list[Row]:
        """The rows of one unit of a batch. Where no mask of a lane fills enough of a crop, another scene comes."""
        seed, scenes = self.config.seed, self.lane_scenes(number % LANES, number // LANES)
        rng = np.random.default_rng([seed, 2, number, unit])
        for attempt in itertools.count(1):
            made = make(rng, scenes[rng.integers(len(scenes))], self.config.size)
            if made is not None:
                return [recolour(rng, row) for row in made]
            if attempt % TRIES == 0:
                spare = SPARE + (number * self.config.rows + unit) * TRIES + attempt // TRIES
                scenes = [PromptScene(make_scene(seed, spare, self.materials))]
        raise AssertionError("unreachable")


def recolour(rng: np.random.Generator, row: Row) -> Row:
    """Crop and, where there is one, thumbnail with another white balance or in grey, sometimes."""
    chance = rng.random()
    if chance >= 0.35:
        return row
    gain, offset = (rng.uniform(0.75, 1.3, 3), rng.uniform(-25, 25)) if chance < 0.28 else (None, 0)

    def changed(picture: np.ndarray) -> np.ndarray:
        values = picture.astype(np.float32)
        values = np.repeat(values.mean(2, keepdims=True), 3, 2) if gain is None else values * gain + offset
        return np.clip(values, 0, 255).astype(np.uint8)

    image, context = {"image": changed(row["image"])}, row.get("context")
    if context is None:
        return {**row, **image}
    return {**row, **image, "context": np.dstack([changed(context[..., :3]), context[..., 3:]])}


def slot_views(memory: SharedMemory, config: StreamConfig, slot: int) -> Batch:
    """The arrays of one slot of a worker's shared memory."""
    offset, views = slot * slot_bytes(config), {}
    for name, (shape, kind) in config.fields.items():
        count = config.rows * int(np.prod(shape))
        views[name] = np.frombuffer(memory.buf, kind, count, offset).reshape(config.rows, *shape)
        offset += count * np.dtype(kind).itemsize
    return views


def slot_bytes(config: StreamConfig) -> int:
    """Bytes of one batch, a multiple of 64."""
    total = sum(config.rows * int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in config.fields.values())
    return -(-total // 64) * 64


def work(
    config: StreamConfig, data: Path | None, numbers: tuple[int, int], memory_name: str, free: Queue, ready: Queue
) -> None:
    """A worker's life: batches numbers[0], + numbers[1], ... into free slots, until told to stop."""
    guard.forbid_evaluation_data()
    memory = SharedMemory(memory_name, track=False) if hasattr(SharedMemory, "track") else SharedMemory(memory_name)
    stream = Stream(config, load_materials(data, textures=config.textures))
    number, step = numbers
    while (slot := free.get()) is not None:
        for name, values in stream.batch(number).items():
            slot_views(memory, config, slot)[name][:] = values
        ready.put((number, slot))
        number += step


def read_batches(config: StreamConfig, data: Path | None, *, start: int, workers: int) -> Iterator[Batch]:
    """Batches from `start` on, in order, copied from the workers' memory; without workers, made in this process."""
    if workers == 0:
        stream = Stream(config, load_materials(data, textures=config.textures))
        while True:
            yield stream.batch(start)
            start += 1
    if LANES % workers:
        raise ValueError(f"workers must divide {LANES}, not {workers}")
    load_materials(data, textures=config.textures)
    os.environ.update(OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    process = multiprocessing.get_context("spawn")
    memories = [SharedMemory(create=True, size=SLOTS * slot_bytes(config)) for _ in range(workers)]
    queues = [(process.Queue(), process.Queue()) for _ in range(workers)]
    crew = []
    for worker, (free, ready) in enumerate(queues):
        first = start + (worker - start) % workers
        arguments = (config, data, (first, workers), memories[worker].name, free, ready)
        crew.append(process.Process(target=work, args=arguments, daemon=True))
        crew[-1].start()
        for slot in range(SLOTS):
            free.put(slot)
    try:
        while True:
            free, ready = queues[start % workers]
            number, slot = next_ready(ready, crew[start % workers])
            if number != start:
                raise RuntimeError(f"batch {number} came where {start} was due")
            yield {name: values.copy() for name, values in slot_views(memories[start % workers], config, slot).items()}
            free.put(slot)
            start += 1
    finally:
        for member in crew:
            member.terminate()
            member.join()
        for memory in memories:
            memory.close()
            memory.unlink()


def next_ready(ready: Queue, member: multiprocessing.process.BaseProcess) -> tuple[int, int]:
    """The next finished slot of a worker; an error if the worker died."""
    while True:
        try:
            return ready.get(timeout=30)
        except Exception as problem:
            if not member.is_alive():
                raise RuntimeError("a data worker died; see its message above") from problem
