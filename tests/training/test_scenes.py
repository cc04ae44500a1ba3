"""Scenes and batches are the same bytes for the same seed, in any process and with any number of workers."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendered scenes need numba")

from training.nano.prompts import OBJECT, PART, PromptScene, click_rows, row_fields
from training.nano.scenes import FIRST_OBJECT, KINDS, Materials, load_materials, make_scene
from training.nano.shapes import TextureBank
from training.nano.stream import Stream, StreamConfig, read_batches

ROOT = Path(__file__).parents[2]
SMALL = StreamConfig(size=32, click_pairs=1, boxes=1, corrections=1, window=2, first=1, textures=6)
HASH = """
import hashlib
from training.nano.scenes import load_materials, make_scene
materials, digest = load_materials(None, textures=6), hashlib.sha256()
for index in range(14):
    scene = make_scene(3, index, materials)
    digest.update(scene.image.tobytes() + scene.objects.tobytes() + scene.parts.tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def materials() -> Materials:
    return Materials(TextureBank(count=6))


def test_scenes_of_a_seed_are_byte_identical_in_other_processes() -> None:
    run = [
        subprocess.run([sys.executable, "-c", HASH], cwd=ROOT, capture_output=True, text=True, check=True) for _ in "ab"
    ]
    assert run[0].stdout == run[1].stdout
    assert len(run[0].stdout.strip()) == 64


def test_scene_does_not_depend_on_the_scenes_made_before(materials: Materials) -> None:
    first = make_scene(3, 9, materials)
    make_scene(3, 2, materials)
    again = make_scene(3, 9, materials)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.parts, again.parts)


def test_other_seeds_and_numbers_give_other_scenes(materials: Materials) -> None:
    scenes = [make_scene(seed, index, materials) for seed, index in ((3, 0), (3, 1), (4, 0))]
    assert len({hashlib.sha256(scene.image.tobytes()).digest() for scene in scenes}) == 3


def test_parts_lie_inside_objects(materials: Materials) -> None:
    for index in range(12):
        scene = make_scene(5, index, materials)
        assert scene.image.shape[:2] == scene.objects.shape == scene.parts.shape
        assert scene.objects.min() > 0
        for part in np.unique(scene.parts[scene.objects >= FIRST_OBJECT]):
            assert len(np.unique(scene.objects[scene.parts == part])) == 1


def test_every_kind_of_scene_comes_up(materials: Materials) -> None:
    kinds = {KINDS[np.random.default_rng([3, 1, index]).choice(len(KINDS))] for index in range(60)}
    assert kinds == set(KINDS)


def test_part_that_is_its_whole_object_is_no_target_of_its_own(materials: Materials) -> None:
    prepared = PromptScene(make_scene(5, 3, materials))
    wholes = {target.box for target in prepared.targets[OBJECT]}
    assert prepared.targets[OBJECT]
    assert all(target.level == PART for target in prepared.targets[PART])
    assert wholes


def test_click_lies_on_the_mask_meant_in_both_crops(materials: Materials) -> None:
    prepared, made = PromptScene(make_scene(5, 1, materials)), 0
    for seed in range(20):
        rows = click_rows(np.random.default_rng(seed), prepared, 64)
        if rows is None:
            continue
        made += 1
        assert len(rows) == 2
        for row in rows:
            assert {name: value.shape for name, value in row.items()} == {n: s for n, (s, _) in row_fields(64).items()}
            assert row["targets"][0, 30:34, 30:34].any()
            assert row["hints"][0, 32, 32] > 128 or row["hints"][0, 32, 31] > 128
    assert made > 5


def test_batch_is_a_pure_function_of_its_number(materials: Materials) -> None:
    straight = Stream(SMALL, materials)
    for number in (0, 16, 32):
        straight.batch(number)
    wanted, fresh = straight.batch(48), Stream(SMALL, materials).batch(48)
    assert all(np.array_equal(wanted[name], fresh[name]) for name in wanted)


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_do_not_depend_on_the_number_of_workers(workers: int, tmp_path: Path) -> None:
    load_materials(tmp_path, textures=SMALL.textures)
    alone, crew = (read_batches(SMALL, tmp_path, start=15, workers=count) for count in (0, workers))
    for _ in range(3):
        expected, given = next(alone), next(crew)
        assert all(np.array_equal(expected[name], given[name]) for name in expected)
    crew.close()
