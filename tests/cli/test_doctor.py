"""`rubylith doctor`, `rubylith version` and the front door: what is installed, how it is set, whether it works."""

import json
import os

import pytest
from tests import fakes

import rubylith
from rubylith import formats
from rubylith.__main__ import main
from rubylith.engine.embedded import choice, network
from rubylith.settings import SETTINGS

GOOD_RADIUS = 60  # of the disc that the doctor draws


@pytest.fixture
def run(capsys, segmenter, monkeypatch):
    monkeypatch.setattr(fakes, "RADIUS", GOOD_RADIUS)
    for name in [name for name in os.environ if name.startswith("RUBYLITH_")]:
        monkeypatch.delenv(name)

    def call(*words: str) -> tuple[int, str, str]:
        status = main(words)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, told.out, told.err

    return call


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version_is_that_of_the_package(run, word):
    assert run(word) == (0, f"{rubylith.__version__}\n", "")


def test_no_words_show_the_commands(run):
    status, out, err = run()
    assert (status, err) == (0, "")
    assert all(name in out for name in ("segment", "doctor", "version"))


def test_an_unknown_command_is_wrong_usage(run):
    status, out, err = run("segmnet")
    assert (status, out) == (2, "")
    assert err.startswith("rubylith: No such command 'segmnet'")
    assert len(err.splitlines()) == 1


def test_the_doctor_finds_all_well(run):
    status, out, err = run("doctor")
    assert (status, err) == (0, "")
    assert out.endswith("All is well.\n")
    assert all(name in out for name in (*formats.NAMES, "numpy", "AVIF", "embedded", "Self-test"))
    assert all(setting.variable in out and setting.sentence in out for setting in SETTINGS)


def test_the_doctor_says_where_a_setting_comes_from(run, monkeypatch):
    monkeypatch.setenv("RUBYLITH_MAX_BYTES", "1_000")
    monkeypatch.setenv("RUBYLITH_MODEL", "")
    out = run("doctor")[1]
    assert "RUBYLITH_MAX_BYTES = 1000 (environment). The largest file that is read, in bytes." in out
    assert "RUBYLITH_MODEL = embedded (default)" in out


def test_the_doctor_in_json_is_one_document(run):
    status, out, _ = run("doctor", "--json")
    report = json.loads(out)
    assert status == 0
    assert report["problems"] == []
    assert report["rubylith"] == rubylith.__version__
    assert report["settings"][0] == {
        "variable": "RUBYLITH_MODEL",
        "value": "embedded",
        "origin": "default",
        "sentence": "The model that cuts when none is named.",
    }
    assert set(report["formats"]) == set(formats.NAMES)
    assert report["self_test"]["iou"] > 0.9


def test_the_doctor_points_out_slips_of_the_pen(run, monkeypatch):
    monkeypatch.setenv("RUBYLITH_MAXPIXELS", "5")
    status, _, err = run("doctor")
    assert status == 0
    assert err.startswith("rubylith: RUBYLITH_MAXPIXELS is set but means nothing; known are RUBYLITH_MODEL")


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_a_model_that_cuts_badly_is_a_failure(run, monkeypatch, json_too):
    monkeypatch.setattr(fakes, "RADIUS", 20)
    status, out, err = run("doctor", *json_too)
    assert status == 1
    assert "embedded cut a plain disc with an IoU of 0.1" in (out if json_too else err)


def test_a_damaged_choice_among_the_networks_masks_is_told_once_with_the_fix(capsys, monkeypatch, tmp_path):
    (tmp_path / "choice.npz").write_bytes(b"damaged")
    monkeypatch.setattr(choice, "FILE", tmp_path / "choice.npz")
    choice.beside_network.cache_clear()
    assert main(["doctor"]) == 1
    told = capsys.readouterr()
    assert f"  embedded does not work: The choice in the package, {tmp_path / 'choice.npz'}, is damaged" in told.out
    assert told.err.count(". Install rubylith again") == 1


@pytest.mark.parametrize(
    ("name", "file"), [("FILE", "nano.onnx"), ("CONTOURS", "contours.onnx"), ("CHOICE", "choice.npz")]
)
def test_an_installation_that_lacks_a_network_is_not_all_well(run, monkeypatch, tmp_path, name, file):
    monkeypatch.setattr(network, name, tmp_path / file)
    status, out, err = run("doctor")
    assert status == 1
    assert out.endswith("1 of the checks failed.\n")
    (line,) = [line for line in err.splitlines() if file in line]
    assert line.startswith("rubylith: models: The model embedded works without its networks, because ")
    assert line.endswith("Install rubylith again.")
    assert json.loads(run("doctor", "--json")[1])["problems"] == [line.removeprefix("rubylith: ")]


def test_a_choice_of_no_numbers_is_damaged(run, monkeypatch, tmp_path):
    whole = choice.Choice.read(choice.FILE)
    whole.linear[3] = float("nan")
    whole.write(tmp_path / "choice.npz", network.digest())
    monkeypatch.setattr(network, "CHOICE", tmp_path / "choice.npz")
    status, out, err = run("doctor")
    assert status == 1
    assert "choice.npz, is damaged: linear holds what is no number. Install rubylith again" in out + err


def test_a_network_that_opens_but_is_another_is_a_failure(capsys, monkeypatch, tmp_path):
    content = bytearray(network.CONTOURS.read_bytes())
    content[len(content) // 2] ^= 1  # a little wrong: it still finds the disc
    (tmp_path / "contours.onnx").write_bytes(content)
    monkeypatch.setattr(network, "CONTOURS", tmp_path / "contours.onnx")
    assert main(["doctor"]) == 1
    told = capsys.readouterr()
    assert "nano.onnx and contours.onnx are not those that choice.npz was made for. Install rubylith again" in told.out


@pytest.mark.parametrize("default", ["embedded", "slimsam-77"])
@pytest.mark.parametrize("damaged", [0, 1])
def test_an_embedded_model_with_a_damaged_network_does_not_work_whatever_the_default_is(
    capsys, monkeypatch, tmp_path, damaged, default
):
    files = [network.FILE, network.CONTOURS]
    (tmp_path / "damaged.onnx").write_bytes(files[damaged].read_bytes()[:100_000])
    files[damaged] = tmp_path / "damaged.onnx"
    monkeypatch.setattr(network.Nano.__init__, "__defaults__", tuple(files))
    monkeypatch.setenv("RUBYLITH_MODELS", str(tmp_path))
    monkeypatch.setenv("RUBYLITH_MODEL", default)
    assert main(["doctor"]) == 1
    told = capsys.readouterr()
    (line,) = [line for line in told.out.splitlines() if line.startswith("  embedded ")]
    assert line.startswith(
        f"  embedded does not work: The network in the package, {tmp_path / 'damaged.onnx'}, is damaged"
    )
    assert "Install rubylith again" in line
    assert told.err.count("damaged.onnx, is damaged") == 1  # not once more by the self-test
    assert main(["doctor", "--json"]) == 1
    assert "Install rubylith again" in json.loads(capsys.readouterr().out)["models"]["faults"]["embedded"]


def test_a_wrong_setting_is_a_failure_and_the_rest_is_still_told(run, monkeypatch):
    monkeypatch.setenv("RUBYLITH_MODEL", "nonsense")
    status, out, err = run("doctor")
    assert status == 1
    assert "rubylith: settings: RUBYLITH_MODEL is 'nonsense'. Set it to one of embedded, slimsam-77, " in err
    assert "numpy" in out


def test_a_missing_library_is_a_failure(run, monkeypatch):
    monkeypatch.setattr("rubylith.cli.doctor.LIBRARIES", ("numpy", "no-such-library"))
    status, out, err = run("doctor")
    assert status == 1
    assert "no-such-library missing" in out
    assert "no-such-library is not installed" in err


def test_the_doctor_says_where_models_lie_and_come_from_and_what_runs_them(run, monkeypatch, tmp_path):
    monkeypatch.setenv("RUBYLITH_MODELS", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("RUBYLITH_MIRROR", "https://models.example.org")
    monkeypatch.setenv("RUBYLITH_LICENSES", "permissive,custom")
    out = run("doctor")[1]
    assert f"They lie in {tmp_path / 'not' / 'yet'}: 0 bytes there, " in out
    assert "More come from https://models.example.org; licences allowed: permissive, custom" in out
    assert "Networks run on cpu in fp32; here they can on cpu" in out
    monkeypatch.delenv("RUBYLITH_MIRROR")
    monkeypatch.setenv("RUBYLITH_OFFLINE", "1")
    models = json.loads(run("doctor", "--json")[1])["models"]
    assert (models["source"], models["offline"], models["names"]) == ("nobody: offline", True, ["embedded"])
    assert models["free_bytes"] > 0


def test_the_doctor_never_shows_a_token(run, monkeypatch):
    monkeypatch.setenv("RUBYLITH_HUB_TOKEN", "hf_secret")
    out = run("doctor")[1]
    assert "RUBYLITH_HUB_TOKEN = (set, not shown) (environment)" in out
    assert "hf_secret" not in out
