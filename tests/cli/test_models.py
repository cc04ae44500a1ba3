"""`rubylith models`, called as people call it, with a hub and mirrors that are real servers."""

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.engine.origins import DECODER, ENCODER, FILES, NAME, host, write_hub, write_mirror
from tests.pictures import encoded, scene

from rubylith.__main__ import main
from rubylith.engine.catalog import catalog
from rubylith.settings import read_settings

FIXTURES = Path(__file__).parents[1] / "fixtures"
TINY = FIXTURES / "tiny-sam"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A machine with an empty folder for models and a hub that cannot be reached."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RUBYLITH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RUBYLITH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("RUBYLITH_HUB", "http://127.0.0.1:1")
    return tmp_path


@pytest.fixture
def run(capsys):
    def call(*words: object) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, told.out, told.err

    return call


@pytest.fixture
def hub(here, monkeypatch):
    with host(write_hub(here / "hub")) as served:
        monkeypatch.setenv("RUBYLITH_HUB", served.url)
        yield served


def exported_mirror(folder: Path) -> Path:
    """A mirror with a model that runs: the graphs of a tiny network under a name of the catalogue."""
    files = {path.name: path.read_bytes() for path in TINY.iterdir() if path.suffix in {".onnx", ".json"}}
    return write_mirror(folder, NAME, files)


def test_the_list_shows_every_model_with_size_and_licence(run, here):
    status, out, err = run("models", "list")
    assert status == 0
    for name, entry in catalog().items():
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert f"{entry.licence} ({entry.licence_class})" in line
    assert "156 MB" in next(line for line in out.splitlines() if line.startswith("sam2.1-tiny "))
    assert f"Models lie in {here / 'models'}; others come from http://127.0.0.1:1" in err


def test_the_list_in_json_says_what_is_here_and_where(run, hub, here):
    run("models", "pull", NAME)
    status, out, _ = run("models", "list", "--json", "--here")
    (row,) = json.loads(out)["models"]
    assert status == 0
    assert (row["name"], row["here"], row["precisions"]) == (NAME, "pulled", ["fp32"])
    assert (row["bytes"], row["folder"]) == (413_000, str(here / "models" / NAME))
    assert row["prompts"] == ["points", "boxes", "everything"]
    assert [r["name"] for r in json.loads(run("models", "list", "--json")[1])["models"]] == list(catalog())


def test_pull_says_what_it_fetches_and_where_it_lies(run, hub, here):
    status, out, err = run("models", "pull", NAME)
    assert status == 0
    assert out == f"{NAME}: 413 kB in {here / 'models' / NAME}\n"
    assert err.splitlines() == [
        f"rubylith: sam-base: The first SAM, ViT-B; Apache-2.0, about 375 MB, from {hub.url} to {here / 'models'}",
        f"rubylith: {ENCODER} is here, 350 kB",
        f"rubylith: {DECODER} is here, 63.0 kB",
    ]
    assert run("models", "path", NAME)[1] == f"{here / 'models' / NAME}\n"
    assert run("models", "path")[1] == f"{here / 'models'}\n"


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        (["pull", "sam21-tiny"], {}, "no model called 'sam21-tiny'. Did you mean sam2.1-tiny"),
        (["pull"], {}, "rubylith models pull needs the name of a model"),
        (["pull", NAME], {}, "cannot be reached"),
        (["pull", NAME], {"OFFLINE": "1"}, "RUBYLITH_OFFLINE says to ask nobody"),
        (["pull", NAME], {"MIRROR": "/nowhere"}, "There is no /nowhere"),
        (["pull", NAME], {"LICENSES": "copyleft"}, "say yes with --license permissive"),
        (["pull", NAME, "--license", "free"], {}, "no class of licences called 'free'"),
        (["pull", NAME, "--precision", "int4"], {}, "no precision called 'int4'. Did you mean int8?"),
        (["pull", "mobile-sam"], {}, "`rubylith models export mobile-sam`"),
        (["remove", NAME], {}, "`rubylith models pull sam-base`"),
        (["verify", NAME], {}, "`rubylith models pull sam-base`"),
        (["path", NAME], {}, "`rubylith models pull sam-base`"),
        (["bundle", "a.zip"], {}, "There are no models in"),
        (["import", "a.zip"], {}, "There is no a.zip"),
        (["export", "sam-base", "a", "b"], {}, "not 3 words"),
        (["export", "sam-base", "a", "--calibrate", "a.jpg"], {}, "only int8 wants. Add --precision int8"),
        (
            ["export", "sam-base", "a", "--precision", "fp16"],
            {},
            "no export precision called 'fp16'. Known export precisions: fp32, int8",
        ),
        (["export", "sam-base", "a", "--precision", "int8", "--calibrate", "a.jpg"], {}, "two at least"),
        (["export", "sam-base", "a", "--precision", "int8", "--calibrate", "*.jpg"], {}, "Nothing matches *.jpg"),
        (["pull", NAME], {"PROVIDER": "openvino", "PRECISION": "int8"}, "export sam-base --precision int8 --calibrate"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_its_fix(run, here, monkeypatch, words, environment, told):
    for name, value in environment.items():
        monkeypatch.setenv(f"RUBYLITH_{name}", value)
    status, out, err = run("models", *words)
    assert (status, out) == (2, "")
    assert told in err.splitlines()[-1]
    assert not (here / "models" / NAME).exists()


OPTIONS = {
    "--json": ("list", "verify"),
    "--here": ("list",),
    "--precision": ("pull", "export"),
    "--calibrate": ("export",),
    "--from": ("list", "pull"),
    "--license": ("pull", "export", "import"),
}
ACTIONS = ("list", "pull", "export", "verify", "bundle", "import", "path", "remove")


@pytest.mark.parametrize(
    ("option", "action"), [(o, a) for o, takers in OPTIONS.items() for a in ACTIONS if a not in takers]
)
def test_an_option_that_an_action_does_not_look_at_is_refused(run, hub, option, action):
    value = [] if option in {"--json", "--here"} else ["int8"]
    status, out, err = run("models", action, NAME, option, *value)
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert f"rubylith models {action} takes no {option}. Leave it out; it is for {OPTIONS[option][0]}" in line
    assert hub.asked == []


def test_the_flag_says_yes_to_a_licence_this_once(run, hub, monkeypatch):
    monkeypatch.setenv("RUBYLITH_LICENSES", "copyleft")
    assert run("models", "pull", NAME)[0] == 2
    assert run("models", "pull", NAME, "--license", "permissive")[0] == 0


def test_a_token_opens_a_gated_model(run, here, monkeypatch):
    with host(write_hub(here / "hub"), token="hf_mine") as hub:
        monkeypatch.setenv("RUBYLITH_HUB", hub.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        assert "RUBYLITH_HUB_TOKEN (or HF_TOKEN)" in run("models", "pull", NAME)[2]
        monkeypatch.setenv("HF_TOKEN", "hf_mine")
        status, _, err = run("models", "pull", NAME)
    assert status == 0
    assert "hf_mine" not in err + run("doctor")[1]


def test_a_damaged_model_is_found_and_mended_by_a_pull(run, hub, here):
    run("models", "pull", NAME)
    assert run("models", "verify") == (0, f"{NAME}: all files are what they were\n", "")
    (here / "models" / NAME / ENCODER).write_bytes(b"x")
    status, out, err = run("models", "verify", NAME)
    assert (status, out) == (1, f"{NAME}: damaged or gone: {ENCODER}\n")
    assert "only that is fetched" in err
    assert json.loads(run("models", "verify", "--json")[1]) == {NAME: [ENCODER]}
    run("models", "pull", NAME)
    assert run("models", "verify")[0] == 0


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_model_with_a_file_cut_short_or_gone_is_listed_as_incomplete_until_a_pull_mends_it(run, hub, here, is_gone):
    run("models", "pull", NAME)
    file = here / "models" / NAME / ENCODER
    assert json.loads(run("models", "list", "--json", "--here")[1])["models"][0]["incomplete"] == []
    file.unlink() if is_gone else os.truncate(file, 1000)
    status, out, err = run("models", "list")
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.startswith(f"{NAME} ")]
    assert line.split()[1:3] == ["incomplete", "fp32"]
    assert f"{NAME} is incomplete: {ENCODER} is gone or not of its size. Mend it with `rubylith models pull" in err
    (row,) = json.loads(run("models", "list", "--json", "--here")[1])["models"]
    assert (row["here"], row["incomplete"]) == ("pulled", [ENCODER])
    run("models", "pull", NAME)
    assert "incomplete" not in "".join(run("models", "list")[1:])


def test_one_model_whose_list_is_damaged_takes_nothing_else_down(run, hub, here):
    run("models", "pull", NAME)
    shutil.copytree(here / "models" / NAME, here / "models" / "slimsam-77")
    (here / "models" / NAME / "files.json").write_text("{")
    status, out, _ = run("models", "list", "--json", "--here")
    assert (status, [row["name"] for row in json.loads(out)["models"]]) == (0, ["slimsam-77"])
    assert (
        "sam-base is damaged: its list of files cannot be read. Mend it with `rubylith models pull sam-base`"
        in (run("models", "list")[2])
    )
    assert run("doctor")[0] == 0
    status, out, _ = run("models", "verify")
    assert status == 1
    assert f"{NAME}: damaged or gone: files.json\n" in out
    assert "cannot be read, so nobody knows whether 'sam-base' is whole. Mend it" in run("models", "path", NAME)[2]
    assert run("models", "pull", NAME)[0] == 0
    assert run("models", "verify", NAME)[0] == 0


def test_for_bfloat16_the_files_of_fp32_are_pulled(run, hub, here, monkeypatch):
    assert "fp32|fp16|int8|bf16" in run("models", "--help")[1]
    monkeypatch.setenv("RUBYLITH_PROVIDER", "openvino")
    monkeypatch.setenv("RUBYLITH_PRECISION", "bf16")
    status, out, _ = run("models", "pull", NAME)
    assert (status, out) == (0, f"{NAME}: 413 kB in {here / 'models' / NAME}\n")
    assert run("models", "pull", NAME, "--precision", "bf16")[0] == 0


def test_segment_fetches_nothing_that_openvino_would_not_open(run, hub, monkeypatch):
    monkeypatch.setenv("RUBYLITH_PROVIDER", "openvino")
    monkeypatch.setenv("RUBYLITH_PRECISION", "int8")
    Path("photo.png").write_bytes(encoded(scene(100, 100)))
    status, _, err = run("segment", "photo.png", "--model", NAME)
    assert status == 2
    assert "in int8 with measured ranges, which OpenVINO needs. Write one with `rubylith models export sam-base" in err
    assert hub.asked == []


def test_a_bundle_carries_models_to_a_machine_without_network(run, hub, here, monkeypatch):
    run("models", "pull", NAME)
    (here / "stick").mkdir()
    status, out, err = run("models", "bundle", "stick")
    assert status == 0
    assert out.startswith(f"stick/rubylith-models.zip: {NAME}, 41")
    assert "rubylith models import rubylith-models.zip" in err
    monkeypatch.setenv("RUBYLITH_MODELS", str(here / "elsewhere"))
    monkeypatch.setenv("RUBYLITH_OFFLINE", "1")
    status, out, _ = run("models", "import", "stick/rubylith-models.zip")
    assert (status, out) == (0, f"{NAME}: 413 kB in {here / 'elsewhere' / NAME}\n")
    assert run("models", "verify", NAME)[0] == 0
    assert {path: (here / "elsewhere" / NAME / path).read_bytes() for path in FILES} == FILES


def test_a_folder_of_models_is_a_mirror(run, hub, here, monkeypatch):
    run("models", "pull", NAME)
    shutil.move(here / "models", here / "share")
    status, out, _ = run("models", "pull", NAME, "--from", here / "share")
    assert status == 0
    assert str(here / "models" / NAME) in out


def test_a_removed_model_is_no_longer_listed(run, hub):
    run("models", "pull", NAME)
    assert run("models", "remove", NAME) == (0, "", f"rubylith: Removed {NAME}.\n")
    assert json.loads(run("models", "list", "--here", "--json")[1])["models"] == []


def test_segment_fetches_the_model_that_it_is_told_and_says_so(run, here, monkeypatch):
    monkeypatch.setenv("RUBYLITH_MIRROR", str(exported_mirror(here / "share")))
    Path("photo.png").write_bytes(encoded(scene(100, 100)))
    status, out, err = run("segment", "photo.png", "--point", "50,50", "--model", NAME)
    assert status == 0
    assert out.startswith("photo.png: ")
    assert f"sam-base: The first SAM, ViT-B; Apache-2.0, about 375 MB, from {here / 'share'}" in err
    status, _, err = run("segment", "photo.png", "--point", "50,50", "--model", NAME, "--fresh")
    assert (status, err) == (0, "")


def test_segment_never_fetches_a_model_that_was_not_named(run, hub, monkeypatch):
    """The default of the environment is no word of the person at the terminal."""
    monkeypatch.setenv("RUBYLITH_MODEL", NAME)
    Path("photo.png").write_bytes(encoded(scene(100, 100)))
    status, _, err = run("segment", "photo.png")
    assert status == 2
    assert "Get them with `rubylith models pull sam-base`" in err
    assert hub.asked == []


def test_segment_offline_says_exactly_how_to_get_the_model(run, monkeypatch):
    monkeypatch.setenv("RUBYLITH_OFFLINE", "1")
    Path("photo.png").write_bytes(encoded(scene(100, 100)))
    status, _, err = run("segment", "photo.png", "--model", "sam2.1-tiny")
    assert status == 2
    assert "'sam2.1-tiny' is not in " in err
    assert "Name a bundle or a folder of models with RUBYLITH_MIRROR, or unset RUBYLITH_OFFLINE" in err


def test_the_default_folder_is_the_librarys_too():
    from rubylith.engine.engine import MODELS_FOLDER

    assert read_settings({}).models == MODELS_FOLDER.expanduser()
