"""Training goes on exactly where it stopped, and the network leaves as a small ONNX file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("numba", reason="rendered scenes need numba")

from training.nano.contours import Contours, ContoursTrainer, f_measures  # noqa: E402
from training.nano.losses import choice_regret, mask_losses, true_ious  # noqa: E402
from training.nano.model import Nano, folded  # noqa: E402
from training.nano.scenes import load_materials  # noqa: E402
from training.nano.stream import Stream, StreamConfig  # noqa: E402
from training.nano.trainer import TrainConfig, Trainer, cooled, keeps_weights, train  # noqa: E402

pytestmark = pytest.mark.torch

VIEWS = StreamConfig(
    size=32, click_pairs=0, boxes=0, corrections=0, views=4, window=2, first=1, textures=6, turns_per_scene=16
)
STREAM = StreamConfig(size=32, click_pairs=1, boxes=1, corrections=1, window=2, first=1, textures=6, turns_per_scene=16)
TINY = TrainConfig(stream=STREAM, widths=(4, 4, 8, 8), warmup=20)


CONTOURS = TrainConfig(stream=VIEWS, widths=(4, 4, 8, 8), warmup=20)


def assert_same_state(one: Trainer, other: Trainer) -> None:
    for first, second in ((one.network, other.network), (one.average, other.average)):
        for (name, value), match in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
            assert torch.equal(value, match), name


def test_interrupted_training_ends_with_the_same_weights_after_500_steps(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = Trainer(TINY)
    train(whole, tmp_path / "whole", tmp_path, steps=500, workers=0)
    for steps in (137, 300, 500):
        checkpoint = tmp_path / "broken" / "checkpoint.pt"
        broken = Trainer.load(checkpoint) if checkpoint.exists() else Trainer(TINY)
        train(broken, tmp_path / "broken", tmp_path, steps=steps, workers=0)
    assert broken.step == 500
    assert_same_state(whole, broken)
    assert whole.optimizer.state_dict()["state"][0]["step"] == broken.optimizer.state_dict()["state"][0]["step"]


def test_interrupted_training_of_contours_ends_with_the_same_weights(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = ContoursTrainer(CONTOURS)
    train(whole, tmp_path / "whole", tmp_path, steps=60, workers=0)
    train(ContoursTrainer(CONTOURS), tmp_path / "broken", tmp_path, steps=23, workers=0)
    broken = ContoursTrainer.load(tmp_path / "broken" / "checkpoint.pt")
    train(broken, tmp_path / "broken", tmp_path, steps=60, workers=0)
    assert_same_state(whole, broken)
    assert not torch.equal(whole.network.stem[0].weight, ContoursTrainer(CONTOURS).network.stem[0].weight)


def test_one_network_is_not_taken_for_the_other(tmp_path: Path) -> None:
    Trainer(TINY).save(tmp_path / "nano.pt")
    ContoursTrainer(CONTOURS).save_weights(tmp_path / "contours.pt")
    with pytest.raises(ValueError, match="holds the network nano: say --network nano"):
        ContoursTrainer.load(tmp_path / "nano.pt")
    with pytest.raises(ValueError, match="holds the network contours: say --network contours"):
        Trainer.begin(tmp_path / "contours.pt", TINY)


def test_views_have_a_picture_and_its_borders_and_nothing_else() -> None:
    batch = Stream(VIEWS, load_materials(None, textures=VIEWS.textures)).batch(6)
    assert {name: values.shape for name, values in batch.items()} == {"image": (4, 32, 32, 3), "edges": (4, 2, 16, 16)}
    objects, parts = batch["edges"][:, 0], batch["edges"][:, 1]
    assert not (objects > parts).any()  # where an object ends its part ends too
    assert parts.sum() > objects.sum()
    with pytest.raises(ValueError, match="nothing else"):
        StreamConfig(views=4)


def test_borders_that_are_all_found_have_an_f_measure_of_one() -> None:
    wanted = torch.zeros(2, 2, 8, 8)
    wanted[:, 0, 3], wanted[0, 1, :, 5] = 1, 1
    assert f_measures(wanted * 2 - 1, wanted).tolist() == [1, 1]
    assert f_measures(torch.ones_like(wanted), wanted).tolist() == pytest.approx([2 / 9, 16 / 136])


def test_checkpoint_that_fails_midway_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(TINY)
    trainer.save(tmp_path / "checkpoint.pt")
    trainer.step = 7

    def break_off(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", break_off)
    with pytest.raises(OSError, match="disk full"):
        trainer.save(tmp_path / "checkpoint.pt")
    assert Trainer.load(tmp_path / "checkpoint.pt").step == 0


def test_rate_warms_up_stays_and_falls_to_zero_in_a_cooldown() -> None:
    assert TINY.rate_at(0) == pytest.approx(TINY.rate / 20)
    assert TINY.rate_at(20) == TINY.rate_at(10**6) == TINY.rate
    cooling = cooled(TINY, 1000, 200)
    assert cooling.rate_at(999) == TINY.rate
    assert cooling.rate_at(1100) == pytest.approx(TINY.rate / 2)
    assert cooling.rate_at(1200) == 0


def test_batch_that_no_scene_of_its_lane_suits_is_drawn_from_another() -> None:
    """Batch 9 once tried the one scene of its lane for ever: none of its masks fills 40 pixels of a crop of 32."""
    stream = Stream(STREAM, load_materials(None, textures=STREAM.textures))
    first, again = stream.batch(9), stream.batch(9)
    assert all(len(values) == STREAM.rows for values in first.values())
    assert all(np.array_equal(values, again[name]) for name, values in first.items())


def test_run_begins_where_averaged_weights_in_half_precision_left_off(tmp_path: Path) -> None:
    first = Trainer(TINY)
    train(first, tmp_path / "first", tmp_path, steps=30, workers=0)
    second = Trainer.begin(tmp_path / "first" / "weights-half.pt", TINY)
    assert second.step == 30
    assert second.config.rate_at(30) == pytest.approx(TINY.rate / 20)
    for name, value in second.network.state_dict().items():
        assert torch.allclose(value, first.average.state_dict()[name], rtol=2e-3, atol=1e-6), name
    train(second, tmp_path / "second", tmp_path, steps=33, workers=0)
    assert Trainer.load(tmp_path / "second" / "checkpoint.pt").config.begun == 30


def test_weights_are_kept_at_round_counts() -> None:
    kept = [samples for samples in range(32, 1_300_000, 32) if keeps_weights(samples, 32)]
    assert [samples // 1000 for samples in kept] == [25, 50, 100, 200, 400, 600, 800, 1000, 1200]


def test_perfect_mask_loses_nothing_and_scores_one() -> None:
    target = torch.zeros(1, 1, 8, 8)
    target[..., 2:6, 2:6] = 1
    logits = torch.cat([(target * 2 - 1) * 20, (1 - target * 2) * 20], 1)
    losses = mask_losses(logits, target)[0, :, 0]
    assert losses[0] < 1e-3
    assert losses[1] > 10
    assert true_ious(logits, target[:, 0], torch.tensor([16.0]))[0].tolist() == [1, 0]


def test_iou_counts_what_lies_outside_the_crop() -> None:
    target = torch.ones(1, 4, 4)
    assert true_ious(torch.ones(1, 1, 4, 4), target, torch.tensor([64.0])).item() == pytest.approx(0.25)


def test_choosing_the_best_candidate_over_two_crops_costs_nothing() -> None:
    ious = torch.tensor([[0.1, 0.2, 0.3], [0.9, 0.4, 0.5]])
    pair = torch.tensor([[0, 1]])
    assert choice_regret(ious * 50, ious, pair, 0.1).item() == pytest.approx(0, abs=1e-4)
    assert choice_regret(-ious * 50, ious, pair, 0.1).item() == pytest.approx(0.8, abs=1e-4)


def test_folding_keeps_the_output() -> None:
    network = Nano((4, 4, 8, 8)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    rows = (
        torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8),
        torch.zeros(2, 4, 32, 32, dtype=torch.uint8),
        torch.randint(0, 256, (2, 64, 64, 5), dtype=torch.uint8),
        torch.zeros(2, 2),
    )
    with torch.no_grad():
        for mine, other in zip(network(*rows), folded(network)(*rows), strict=True):
            assert torch.allclose(mine, other, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_exported_file_is_small_and_agrees_with_pytorch(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="export needs onnxscript")
    pytest.importorskip("onnxruntime", reason="the check needs ONNX Runtime")
    from training.nano.export import LARGEST_FILE, export

    trainer = Trainer(replace(TINY, widths=TrainConfig().widths))
    trainer.save(tmp_path / "checkpoint.pt")
    measured = export(tmp_path / "checkpoint.pt", tmp_path / "nano.onnx")
    assert measured["bytes"] <= LARGEST_FILE
    assert np.isfinite(measured["logit_difference"])


@pytest.mark.filterwarnings("ignore")
def test_exported_contours_are_small_and_take_pictures_of_any_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="export needs onnxscript")
    pytest.importorskip("onnxruntime", reason="the check needs ONNX Runtime")
    from training.nano.export import LARGEST_CONTOURS, LARGEST_FILE, export_contours, session

    trainer = ContoursTrainer(replace(CONTOURS, widths=ContoursTrainer.default().widths))
    trainer.save_weights(tmp_path / "weights.pt")
    measured = export_contours(tmp_path / "weights.pt", tmp_path / "contours.onnx")
    assert measured["bytes"] <= LARGEST_CONTOURS
    assert LARGEST_CONTOURS + LARGEST_FILE <= 3_000_000
    network = Contours(ContoursTrainer.default().widths).eval()
    network.load_state_dict(trainer.average.state_dict())
    for rows, columns in ((16, 16), (48, 160)):
        image = np.random.default_rng(0).integers(0, 256, (1, rows, columns, 3), np.uint8)
        (borders,) = session(tmp_path / "contours.onnx").run(["borders"], {"image": image})
        with torch.no_grad():
            assert np.allclose(borders, network(torch.from_numpy(image)).numpy(), atol=0.05)


PACKAGE = Path(__file__).parents[2] / "src" / "rubylith" / "engine" / "embedded"


def test_the_network_in_the_package_can_be_trained_further(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the check needs ONNX Runtime")
    from training.nano.export import INPUTS, OUTPUTS, example, session
    from training.nano.restore import restored, write

    batches = [Stream(STREAM, load_materials(None, textures=STREAM.textures)).batch(0)]
    network = restored(PACKAGE / "nano.onnx", Trainer, batches)
    inputs = example(128)
    feeds = {name: value.numpy() for name, value in zip(INPUTS, inputs, strict=True)}
    exported = session(PACKAGE / "nano.onnx").run(list(OUTPUTS), feeds)
    with torch.no_grad():
        for theirs, mine in zip(exported, network(*inputs), strict=True):
            assert np.allclose(theirs, mine.numpy(), atol=1e-3)
    write(network, PACKAGE / "nano.onnx", tmp_path / "weights.pt", 9000)
    trainer = Trainer.begin(tmp_path / "weights.pt", replace(TINY, rate=1e-5))
    assert trainer.step == 9000 // STREAM.rows
    before = trainer.measure(batches[0]).loss.item()
    assert before < 0.7 * Trainer(replace(TINY, widths=TrainConfig().widths)).measure(batches[0]).loss.item()
    trainer.train_step(batches[0])
    assert trainer.step == 9000 // STREAM.rows + 1


def test_contours_in_the_package_can_be_trained_further_and_are_not_taken_for_nano() -> None:
    pytest.importorskip("onnxruntime", reason="the check needs ONNX Runtime")
    from training.nano.export import session
    from training.nano.restore import restored

    batches = [Stream(VIEWS, load_materials(None, textures=VIEWS.textures)).batch(0)]
    network = restored(PACKAGE / "contours.onnx", ContoursTrainer, batches)
    image = np.random.default_rng(0).integers(0, 256, (1, 48, 160, 3), np.uint8)
    (borders,) = session(PACKAGE / "contours.onnx").run(["borders"], {"image": image})
    with torch.no_grad():
        assert np.allclose(borders, network(torch.from_numpy(image)).numpy(), atol=1e-3)
    with pytest.raises(ValueError, match="is not the network nano"):
        restored(PACKAGE / "contours.onnx", Trainer, batches)
