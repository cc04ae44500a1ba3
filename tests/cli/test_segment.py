"""`rubylith segment`, called as people call it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.pictures import encoded, png_that_claims, scene

from rubylith.__main__ import main
from rubylith.service.intake import READERS

ROOT = Path(__file__).parents[2]
FAKE = """
import sys
from tests import fakes
fakes.install(fakes.FakeSegmenter("embedded", seconds=float(sys.argv.pop(1))))
from rubylith.__main__ import main
from rubylith.service.intake import READERS
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RUBYLITH_")]:
        monkeypatch.delenv(name)
    Path("photo.png").write_bytes(encoded(scene(100, 100)))
    return tmp_path


@pytest.fixture
def run(capsys, segmenter):
    """Run a command in this process; its exit status, standard output and standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        status = main(["segment", *map(str, words)])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, told.out, told.err

    return call


def process(*words: str, seconds: float = 0, **options) -> subprocess.Popen[str]:
    """The command in a process of its own, in front of a model that takes its time."""
    return subprocess.Popen(
        [sys.executable, "-c", FAKE, str(seconds), "segment", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **options,
    )


def folder_of(count: int, bad: int | None = None) -> None:
    Path("p").mkdir()
    for number in range(count):
        Path(f"p/{number}.png").write_bytes(b"text" if number == bad else encoded(scene(50, 50 + number)))


def test_one_picture_gives_overlay_masks_and_json_and_says_where(run):
    status, out, err = run("photo.png")
    assert (status, out, err) == (0, "photo.png: 4 masks → rubylith-out/photo/overlay.png\n", "")
    assert len(json.loads(Path("rubylith-out/photo/masks.json").read_text())["masks"]) == 4
    assert len(list(Path("rubylith-out/photo/masks").glob("*.png"))) == 4


def test_points_and_boxes_say_what_to_cut(run):
    _, out, _ = run("photo.png", "--point", "30,20", "--json")
    (mask,) = json.loads(out)["masks"]
    assert mask["bbox"] == [25, 15, 11, 11]
    assert mask["point_coords"] == [[30, 20]]
    _, out, _ = run("photo.png", "--point", "30,20", "--point", "1,1,0", "--multimask", "--json")
    masks = json.loads(out)["masks"]
    assert [(mask["point_coords"], mask["point_labels"]) for mask in masks] == [([[30, 20], [1, 1]], [1, 0])] * 3
    _, out, _ = run("photo.png", "--box", "10,10,30,30", "--box", "40.5,10,60,30", "--json")
    assert [mask["bbox"][:2] for mask in json.loads(out)["masks"]] == [[15, 15], [45, 15]]


def test_a_mask_of_an_earlier_run_is_corrected(run):
    run("photo.png", "--box", "10,10,30,30", "--out", "one")
    run("photo.png", "--box", "10,10,30,30", "--box", "40,10,60,30", "--out", "two")
    earlier = ("one/photo/masks/001.png", "one/photo/masks.json", "two/photo/masks/001.png", "two/photo/masks.json#1")
    for previous in earlier:
        status, out, err = run("photo.png", "--previous", previous, "--json")
        assert (status, err) == (0, "")
        assert json.loads(out)["masks"][0]["bbox"] == [15, 15, 11, 11]
    _, out, _ = run(
        "photo.png", "--previous", "two/photo/masks.json#2", "--point", "50,20", "--point", "1,1,0", "--json"
    )
    (mask,) = json.loads(out)["masks"]
    assert (mask["bbox"], mask["point_labels"]) == ([45, 15, 11, 11], [1, 0])


def test_a_correction_of_another_mask_is_not_the_same_work(run):
    run("photo.png", "--box", "10,10,30,30", "--box", "40,10,60,30", "--out", "two")
    again = ("photo.png", "--previous", "two/photo/masks.json#2")
    assert run("photo.png", "--previous", "two/photo/masks.json#1")[2] == ""
    assert run(*again)[2] == ""
    assert "already done" in run(*again)[2]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--previous", "none.png"], "There is no file none.png"),
        (
            ["--previous", "two/photo/masks.json"],
            "two/photo/masks.json holds 2 masks. Say which by its id: two/photo/m",
        ),
        (
            ["--previous", "two/photo/masks.json#3"],
            "two/photo/masks.json holds no mask with the id 3. Say which by its id: two/photo/m",
        ),
        (
            ["--previous", "one/photo/masks.json#3"],
            "one/photo/masks.json holds no mask with the id 3. Say one/photo/masks.json#1, the only one",
        ),
        (
            ["--previous", "one/photo/masks.json#x"],
            "'x' is no id of a mask in one/photo/masks.json. Give a whole number, such as one/photo/masks.json#1",
        ),
        (["--previous", "one/photo/masks.json#"], "'' is no id of a mask in one/photo/masks.json. Give a whole"),
        (["--previous", "one/photo/masks.json#-1"], "'-1' is no id of a mask in one/photo/masks.json. Give a whole"),
        (["--previous", "none.json#x"], "There is no file none.json#x"),
        (["--previous", "small.png"], "The previous mask is 9 x 9 pixels but the picture is 100 x 100. Send the mask"),
        (["--previous", "small.png", "--point", "3,3"], "The previous mask is 9 x 9 pixels but the picture is 100"),
        (["--previous", "photo.png"], "photo.png is a picture in colours"),
        (["--previous", "two/photo/masks/001.png", "--text", "red"], "previous and text are given together"),
        (["--previous", "two/photo/masks/001.png", "--fast"], "fast says how to find everything"),
        (["--previous", "two/photo/masks/001.png", "p"], "The previous mask is of one picture, but 3 are given"),
    ],
)
def test_a_mask_that_cannot_be_corrected_is_wrong_usage(run, words, line):
    folder_of(2)
    Path("small.png").write_bytes(encoded(scene(9, 9)[..., 0] * 0 + 255))
    run("photo.png", "--box", "10,10,30,30", "--out", "one")
    run("photo.png", "--box", "10,10,30,30", "--box", "40,10,60,30", "--out", "two")
    status, out, err = run("photo.png", *words)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"rubylith: {line}")
    assert not Path("rubylith-out").exists()


def test_a_picture_that_cannot_be_read_fails_as_such_whatever_mask_is_to_be_corrected(run):
    Path("text.png").write_text("text")
    Path("small.png").write_bytes(encoded(scene(9, 9)[..., 0] * 0 + 255))
    status, _, err = run("text.png", "--previous", "small.png")
    assert (status, len(err.splitlines())) == (1, 1)
    assert err.startswith("rubylith: text.png is not a picture")


@pytest.mark.parametrize(("mask", "status"), [("one/photo/masks/001.png", 0), ("small.png", 2)])
def test_a_picture_from_a_pipe_is_read_once_although_a_mask_is_to_be_corrected(run, mask, status):
    Path("small.png").write_bytes(encoded(scene(9, 9)[..., 0] * 0 + 255))
    run("photo.png", "--box", "10,10,30,30", "--out", "one")
    reading, writing = os.pipe()
    os.write(writing, Path("photo.png").read_bytes())
    os.close(writing)
    ended, out, err = run(f"/dev/fd/{reading}", "--previous", mask, "--json")
    os.close(reading)
    assert ended == status
    if status == 0:
        assert (json.loads(out)["masks"][0]["bbox"], err) == ([15, 15, 11, 11], "")
    else:
        assert err.startswith("rubylith: The previous mask is 9 x 9 pixels but the picture is 100 x 100.")


def test_a_named_pipe_is_refused_before_it_is_opened_although_a_mask_is_to_be_corrected(run):
    run("photo.png", "--box", "10,10,30,30", "--out", "one")
    os.mkfifo("pipe.png")
    cutting = process("pipe.png", "--previous", "one/photo/masks/001.png", "--json")
    try:
        _, err = cutting.communicate(timeout=20)
    finally:
        cutting.kill()
    assert cutting.returncode == 2
    assert "pipe.png is a named pipe and not a regular file" in err


def test_options_of_everything_act(run):
    _, out, _ = run("photo.png", "--max-masks", 2, "--overlap", "none", "--points-per-side", 8, "--json")
    assert len(json.loads(out)["masks"]) == 2


def test_every_option_of_everything_is_on_the_command_line(run, capsys):
    from dataclasses import fields

    from rubylith.domain.prompt import Everything

    _, out, _ = run("--help")
    assert [f.name for f in fields(Everything) if f"--{f.name.replace('_', '-')} " not in out] == []


def test_the_doors_have_the_options_of_everything_and_name_its_defaults():
    """None means the default of Everything, which the help names in brackets."""
    import inspect
    from dataclasses import fields

    from rubylith.cli.segment import command
    from rubylith.domain.prompt import Everything
    from rubylith.library import segment

    options = {field.name: field.default for field in fields(Everything)}
    for door in (segment, command):
        names = list(inspect.signature(door).parameters)
        start = names.index(next(iter(options)))
        assert names[start : start + len(options)] == list(options)
    for name, default in options.items():
        parameter = inspect.signature(command).parameters[name]
        told = f"{default:.3g}" if isinstance(default, float) else str(default)
        told = {"max_masks": "all", "tile_side": "none", "max_seconds": "none", "fast": "no", "label": "no"}.get(
            name, told
        )
        assert parameter.default is None
        assert parameter.annotation.__metadata__[0].help.endswith(f"({told}).")


def test_the_file_of_one_format_is_named_and_of_several_the_folder(run):
    assert run("photo.png", "--format", "labelmap", "--out", "a")[1] == "photo.png: 4 masks → a/photo/labels.png\n"
    assert run("photo.png", "--format", "json, labelmap", "--out", "b")[1] == "photo.png: 4 masks → b/photo\n"
    assert sorted(path.name for path in Path("b/photo").iterdir()) == ["labels.png", "masks.json"]


@pytest.mark.parametrize("name", ["png", "png1", "cutout"])
def test_a_picture_without_masks_is_done_all_the_same(run, monkeypatch, segmenter, name):
    monkeypatch.setattr(segmenter, "propose", lambda *_: ())
    status, out, err = run("photo.png", "--format", name)
    assert (status, err) == (0, "")
    assert out.startswith("photo.png: 0 masks → ")
    assert run("photo.png", "--format", name)[2].startswith("rubylith: photo.png is already done")


def test_json_is_one_line_per_picture_and_writes_nothing(run):
    folder_of(2)
    status, out, err = run("p", "photo.png", "--json")
    assert (status, err) == (0, "")
    assert [json.loads(line)["image"]["path"] for line in out.splitlines()] == ["p/0.png", "p/1.png", "photo.png"]
    assert not Path("rubylith-out").exists()


def test_json_twice_is_the_same_to_the_byte(run):
    assert run("photo.png", "--json")[1] == run("photo.png", "--json")[1]


def test_json_with_a_folder_writes_files_and_skips_no_document(run):
    first = run("photo.png", "--json", "--out", "o")
    assert Path("o/photo/overlay.png").is_file()
    assert run("photo.png", "--json", "--out", "o") == first
    assert run("photo.png", "--json", "--format", "labelmap")[0] == 0
    assert Path("rubylith-out/photo/labels.png").is_file()


def test_json_keeps_failures_off_standard_output(run):
    folder_of(3, bad=1)
    status, out, err = run("p", "--json")
    assert status == 1
    assert len(out.splitlines()) == 2
    assert err.startswith("rubylith: p/1.png is not a picture that can be read. Convert it")


def test_standard_input_is_a_picture(run, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("photo.png").read_bytes())))
    assert run("-")[1] == "standard input: 4 masks → rubylith-out/stdin/overlay.png\n"


def test_one_bad_picture_among_ten_is_named_and_the_nine_are_done(run):
    folder_of(10, bad=4)
    status, out, err = run("p")
    assert status == 1
    assert len(out.splitlines()) == 9
    assert err.splitlines() == [
        "rubylith: p/4.png is not a picture that can be read. Convert it to one of " + ", ".join(READERS) + ".",
        "rubylith: 9 of 10 done, 1 failed; rubylith-out/manifest.jsonl says which",
    ]
    lines = [json.loads(line) for line in Path("rubylith-out/manifest.jsonl").read_text().splitlines()]
    assert [line["input"] for line in lines if line["status"] == "failed"] == ["p/4.png"]


def test_of_several_pictures_the_one_that_a_click_lies_outside_of_is_named(run, segmenter, monkeypatch):
    folder_of(2)
    Path("p/1.png").write_bytes(encoded(scene(50, 90)))
    status, _, err = run("p", "--point", "70,20")
    assert status == 1
    assert err.startswith("rubylith: p/0.png: The point (70, 20) lies outside the picture, which is 50 x 50 pixels.")
    assert run("p/0.png", "--point", "70,20")[2].startswith("rubylith: The point (70, 20)")
    monkeypatch.setattr(segmenter, "embed", lambda image: 1 / 0)
    assert run("p", "missing.jpg", "--fresh")[2].splitlines()[:3] == [
        f"rubylith: {name} made Rubylith fail with ZeroDivisionError: division by zero. "
        "Please report it with the picture; RUBYLITH_DEBUG=1 shows where it happened."
        for name in ("p/0.png", "p/1.png")
    ] + ["rubylith: There is no file missing.jpg. Check the path."]


def test_the_same_command_again_does_only_what_is_missing(run, segmenter):
    folder_of(3)
    run("p")
    assert run("p") == (0, "", "rubylith: 3 of 3 already done (--fresh does them anew)\n")
    Path("p/3.png").write_bytes(encoded(scene(9, 9)))
    status, out, err = run("p")
    assert (status, err) == (0, "rubylith: 3 of 4 already done (--fresh does them anew)\n")
    assert out.startswith("p/3.png: ")
    assert len(segmenter.embedded) == 4
    assert len(run("p", "--fresh")[1].splitlines()) == 4
    assert len(run("p", "--max-masks", 1)[1].splitlines()) == 4
    assert run("p/0.png", "--max-masks", 1)[2].startswith("rubylith: p/0.png is already done, see rubylith-out/0 (")


def test_a_run_that_goes_on_with_another_model_says_whose_results_it_replaces(run, monkeypatch):
    folder_of(3)
    model = str(ROOT / "tests" / "fixtures" / "tiny-sam")
    click = ("--point", "20,20", "--format", "json")
    assert run("p", *click)[2] == ""
    status, out, err = run("p/0.png", *click, "--model", model)
    assert (status, out) == (0, "p/0.png: 1 mask → rubylith-out/0/masks.json\n")
    assert err == (
        f"rubylith: p/0.png was cut by embedded; {model} does it anew and replaces that (another --out keeps both)\n"
    )
    monkeypatch.setenv("RUBYLITH_MODEL", model)  # the same words, another environment
    status, out, err = run("p", *click)
    assert (status, len(out.splitlines())) == (0, 2)
    assert err == (
        "rubylith: 1 of 3 already done (--fresh does them anew)\n"
        f"rubylith: 2 of 3 were cut by embedded; {model} does them anew and replaces those (another --out keeps both)\n"
    )
    assert {json.loads(path.read_text())["model"] for path in Path("rubylith-out").glob("?/masks.json")} == {model}
    assert run("p", *click)[2] == "rubylith: 3 of 3 already done (--fresh does them anew)\n"
    assert run("p", *click, "--fresh", "--model", "embedded")[2] == ""  # as was asked for


def test_its_own_results_are_no_pictures(run):
    Path("q").mkdir()
    Path("q/a.png").write_bytes(encoded(scene()))
    for words in (["q", "--out", "q"], ["**/*.*"]):
        assert run(*words)[0] == 0
        assert re.fullmatch(r"rubylith: .* already done.*\n", run(*words)[2])


def test_pictures_of_one_name_in_two_runs_are_kept_apart_and_it_says_so(run):
    for folder, height in (("d1", 50), ("d2", 51)):
        Path(folder).mkdir()
        Path(folder, "photo.jpg").write_bytes(encoded(scene(height), "JPEG"))
    assert run("d1/photo.jpg")[1] == "d1/photo.jpg: 2 masks → rubylith-out/photo/overlay.png\n"
    assert run("d2/photo.jpg") == (
        0,
        "d2/photo.jpg: 2 masks → rubylith-out/photo.jpg/overlay.png\n",
        "rubylith: d2/photo.jpg goes to rubylith-out/photo.jpg, because d1/photo.jpg has that name already\n",
    )
    assert run("d1/photo.jpg")[2].startswith("rubylith: d1/photo.jpg is already done, see rubylith-out/photo (")


@pytest.mark.parametrize(
    ("detector", "line"),
    [
        ("nobody", "There is no detector called 'nobody'. Known detectors: fastestdet, ultraface"),
        ("./nowhere", "nowhere holds no detector (No such file or directory). Give a folder that transformers wrote"),
    ],
)
def test_a_detector_that_is_not_there_is_one_line(run, detector, line):
    status, out, err = run("photo.png", "--text", "dog", "--detector", detector)
    assert (status, out) == (2, "")
    assert err.startswith(f"rubylith: {line}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--format", "foo"], "There is no format called 'foo'. Known formats: overlay, png"),
        (["--format", ""], "There is no format called ''. Known formats"),
        (["--model", "foo"], "There is no model called 'foo'. Known models: embedded"),
        (["--overlap", "maybe"], "There is no overlap called 'maybe'. Known overlaps: keep, none"),
        (["--point", "1"], "--point 1 is not X,Y or X,Y,0. Give numbers with commas"),
        (["--point", "a,b"], "--point a,b is not X,Y"),
        (["--point", "1,2,7"], "The label of the point"),
        (["--box", "1,2,3"], "--box 1,2,3 is not X0,Y0,X1,Y1"),
        (["--point", "1,1", "--max-masks", "3"], "max_masks says how to find everything, but points or boxes say"),
        (["--point", "1,1", "--max-masks", "3", "--fast"], "max_masks, fast say how to find everything, but"),
        (["--point", "1,1,0"], "An object has no positive point and no box. Click on the object at least once"),
        (["--point", "5,5", "--point", "5.4,5,0"], "The pixel (5, 5) is clicked as part of the object and as not"),
        (["--point", "50,50", "--box", "1,1,9,9"], "The point (50, 50) lies outside the box of its object"),
        (["--box", "5,5,5,9"], "The box (5, 5, 5, 9) has no area"),
        (["--multimask"], "multimask asks for candidates"),
        (["--text", "red", "--threshold", "low"], "--threshold low is not 0.3 or 0.3,0.5"),
        (["--text", "red, blue", "--threshold", "0.1,0.2,0.3"], "3 thresholds were given for 2 phrases"),
        (["--detector", "fastestdet"], "threshold or detector is given without words"),
        (["--points-per-side", "0"], "points_per_side is 0. Give a whole number from 1 to 256 (default 32)"),
        (["--min-mask-region-area", "-1"], "min_mask_region_area is -1. Give a whole number from 0 to 1000000000"),
        (["--points-per-side", "many"], "Invalid value for '--points-per-side'"),
        (["--pointy"], "No such option"),
        (["http://example.org/a.jpg"], "http://example.org/a.jpg is a link, and links are not fetched"),
        (["nothing*"], "Nothing matches nothing*"),
    ],
)
def test_wrong_usage_is_one_line_before_any_work(run, segmenter, words, line):
    status, out, err = run("photo.png", *words)
    assert (status, out) == (2, "")
    assert err.startswith(f"rubylith: {line}")
    assert len(err.splitlines()) == 1
    assert segmenter.embedded == []
    assert not Path("rubylith-out").exists()


def test_no_input_is_wrong_usage(run):
    assert run()[0] == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--point", "100,0"],
            "The point (100, 0) lies outside the picture, which is 100 x 100 pixels. Give x from 0 to 99",
        ),
        (["--box", "100,5,105,9"], "The box (100, 5, 105, 9) lies outside the picture, which is 100 x 100 pixels"),
        (["missing.jpg"], "There is no file missing.jpg. Check the path."),
        (["huge.png"], "huge.png has 50000 x 50000 = 2,500,000,000 pixels; the limit is 120,000,000. Scale it down"),
        (["empty.jpg"], "empty.jpg is empty (0 bytes)"),
    ],
)
def test_a_picture_that_cannot_be_done_is_one_line(run, words, line):
    Path("huge.png").write_bytes(png_that_claims(50_000, 50_000))
    Path("empty.jpg").touch()
    status, _, err = run("photo.png", *words)
    assert status == 1
    assert err.startswith(f"rubylith: {line}")


def test_limits_come_from_the_environment(run, monkeypatch):
    monkeypatch.setenv("RUBYLITH_MAX_PIXELS", "9_999")
    assert "100 x 100 = 10,000 pixels; the limit is 9,999" in run("photo.png")[2]
    monkeypatch.setenv("RUBYLITH_MAX_PIXELS", "lots")
    status, _, err = run("photo.png")
    assert status == 2
    assert err.startswith("rubylith: RUBYLITH_MAX_PIXELS is 'lots'. Set it to a whole number above 0")


def test_a_folder_that_cannot_be_written_is_one_line(run):
    Path("rubylith-out").write_text("a file")
    assert run("photo.png") == (
        2,
        "",
        "rubylith: The folder rubylith-out cannot be made: File exists. Choose another folder for the results.\n",
    )


def test_a_manifest_that_cannot_be_written_ends_the_run(run):
    Path("rubylith-out/manifest.jsonl").mkdir(parents=True)
    for words in ([], ["--fresh"]):
        status, _, err = run("photo.png", *words)
        assert (status, len(err.splitlines())) == (2, 1)
        assert "manifest.jsonl cannot be" in err


def test_what_breaks_us_is_one_line_and_a_traceback_only_when_asked_for(run, segmenter, monkeypatch, capsys):
    monkeypatch.setattr(segmenter, "embed", lambda image: 1 / 0)
    status, _, err = run("photo.png")
    assert status == 1
    assert err.startswith(
        "rubylith: photo.png made Rubylith fail with ZeroDivisionError: division by zero. Please report"
    )
    assert len(err.splitlines()) == 1
    monkeypatch.setenv("RUBYLITH_DEBUG", "1")
    main(["segment", "photo.png"])
    assert "Traceback" in capsys.readouterr().err


def test_what_breaks_outside_a_picture_is_one_line_too(run, monkeypatch, capsys):
    monkeypatch.setattr("rubylith.service.inputs.os.walk", lambda *_, **__: 1 / 0)
    status, _, err = run(".")
    assert (status, len(err.splitlines())) == (1, 1)
    assert err.startswith("rubylith: Rubylith failed with ZeroDivisionError")
    monkeypatch.setenv("RUBYLITH_DEBUG", "1")
    main(["segment", "."])
    assert "Traceback" in capsys.readouterr().err


def test_names_with_line_breaks_stay_on_one_line(run):
    Path("two\nlines\x1b[31m.png").write_bytes(encoded(scene()))
    Path("bad\nname.png").touch()
    status, out, err = run("*lines*", "bad\nname.png")
    assert status == 1
    assert out.startswith("two\\nlines\\x1b[31m.png: ")
    assert (len(out.splitlines()), len(err.splitlines())) == (1, 2)


def lines_written() -> int:
    path = Path("rubylith-out/manifest.jsonl")
    return path.read_bytes().count(b'"done"') if path.exists() else 0


def wait_until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_killed_half_way_and_run_again_no_file_is_done_twice_and_none_missed():
    folder_of(8)
    first = process("p", "--format", "json", seconds=0.15)
    wait_until(lambda: lines_written() >= 3)
    first.kill()
    first.communicate()
    assert 3 <= lines_written() < 8
    for folder in Path("rubylith-out").glob("[0-9]"):
        json.loads((folder / "masks.json").read_text())  # nothing half-written under its final name
    second = process("p", "--format", "json")
    out, err = second.communicate()
    assert second.returncode == 0
    lines = [json.loads(line) for line in Path("rubylith-out/manifest.jsonl").read_text().splitlines()]
    done = [line["input"] for line in lines if line["status"] == "done"]
    assert sorted(done) == [f"p/{number}.png" for number in range(8)]
    assert f"{8 - len(out.splitlines())} of 8 already done" in err
    assert sorted(path.name for path in Path("rubylith-out").iterdir()) == [*"01234567", "manifest.jsonl"]


def test_ctrl_c_is_one_line_and_status_130():
    folder_of(8)
    running = process("p", "--format", "json", seconds=0.15)
    wait_until(lambda: lines_written() >= 2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert re.fullmatch(r"rubylith: Stopped after [1-7] of 8\. The same command goes on from there\.\n", err)
    assert not list(Path("rubylith-out").glob(".*"))


@pytest.mark.parametrize("seconds", [0.15, 0.3, 0.5, 0.8, 1.2])
def test_ctrl_c_while_it_starts_is_one_line_too(seconds):
    folder_of(60)  # more than any machine has done by then
    command = "import os; os.write(1, b'x'); from rubylith.__main__ import main; raise SystemExit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", command, "segment", "p"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout.read(1) == b"x"
        time.sleep(seconds)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert re.fullmatch(rb"rubylith: Stopped (before any work was done|after \d+ of 60\. .*)\n", err)


@pytest.mark.parametrize("where", ["find_inputs", "pending", "make_folder"])
def test_ctrl_c_before_the_first_picture_is_one_line(run, monkeypatch, where):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"rubylith.cli._outcomes.{where}", interrupted)
    status, out, err = run("photo.png")
    assert (status, out, len(err.splitlines())) == (130, "", 1)
    assert err.startswith("rubylith: Stopped ")


def test_a_folder_in_use_by_another_run_is_left_to_it(run):
    folder_of(8)
    running = process("p", "--format", "json", seconds=0.15)
    wait_until(lambda: lines_written() >= 1)
    status, out, err = run("photo.png")
    assert (status, out) == (2, "")
    assert err == (
        "rubylith: The folder rubylith-out is in use by another run. Wait for it, or choose another folder with --out; "
        f"if there is no other run, delete {Path('rubylith-out/.rubylith.lock')}.\n"
    )
    running.kill()
    running.communicate()
    assert run("photo.png")[0] == 0  # the dead process has no claim
    assert not Path("rubylith-out/.rubylith.lock").exists()


def test_json_is_the_same_document_to_the_byte_as_the_file(run):
    Path("é.png").write_bytes(encoded(scene()))
    out = run("é.png", "--json", "--out", "o")[1]
    assert out.encode() == Path("o/é/masks.json").read_bytes()


def test_a_reader_that_has_had_enough_ends_it_quietly():
    folder_of(8)
    with process("p", "--json", seconds=0.05) as running:
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(timeout=20) == 1


def test_a_search_that_was_cut_short_is_told_beside_the_results(run):
    status, out, err = run("photo.png", "--crop-n-layers", "1", "--max-seconds", "0", "--json")
    assert status == 0
    assert json.loads(out)["truncated"] is True
    assert err == "rubylith: photo.png: the search was cut short by --max-seconds, there may be more to find\n"
    status, out, err = run("photo.png", "--crop-n-layers", "1", "--json")
    assert "truncated" not in json.loads(out)
    assert err == ""


def test_words_have_the_same_class_numbers_in_every_picture_of_a_run(run):
    Path("p").mkdir()
    for name, colour in (("a", (200, 20, 20)), ("b", (20, 160, 20)), ("c", (128, 128, 128))):
        pixels = np.full((60, 60, 3), 255, np.uint8)
        pixels[20:40, 20:40] = colour
        Path(f"p/{name}.png").write_bytes(encoded(pixels))
    status, _, err = run("p", "--text", "red, green", "--format", "yolo,coco,semantic")
    assert (status, err) == (0, "")
    results = [Path("rubylith-out", name) for name in "abc"]
    assert {(each / "names.yaml").read_text() for each in results} == {'names:\n  0: "red"\n  1: "green"\n'}
    assert [(each / "labels.txt").read_text()[:2] for each in results] == ["0 ", "1 ", ""]
    for file, kinds, number in (("coco.json", "categories", "id"), ("semantic.json", "classes", "value")):
        told = [json.loads((each / file).read_text())[kinds] for each in results]
        assert all([(kind[number], kind["name"]) for kind in one] == [(1, "red"), (2, "green")] for one in told)


def test_a_pipe_that_nobody_writes_to_is_refused_and_does_not_hold_the_command_up(run):
    os.mkfifo("pipe.png")
    status, out, err = run("photo.png", "pipe.png")
    assert (status, out) == (2, "")
    assert err.startswith("rubylith: pipe.png is a named pipe and not a regular file")


def test_what_the_shell_hands_over_is_read_by_name_although_it_is_a_pipe():
    """`cat photo.png | rubylith segment /dev/stdin`, and `rubylith segment <(cat photo.png)`."""
    for words in ("cat photo.png | {} /dev/stdin", "{} <(cat photo.png)"):
        command = words.format(f"{sys.executable} -m rubylith segment --point 30,20 --json")
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(json.loads(done.stdout)["masks"]) == 1


def piped(data: bytes) -> str:
    """What a shell hands over for `<(...)`, under the same name each time."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    os.dup2(reading, 200)
    os.close(reading)
    return "/dev/fd/200"


def test_what_comes_from_a_pipe_is_read_once_although_earlier_results_have_its_place(run):
    """To see whether these are of the same picture it has to be read, and then it is to be cut."""
    another = encoded(scene(40, 60))
    try:
        for data, done in ((another, 1), (Path("photo.png").read_bytes(), 1), (Path("photo.png").read_bytes(), 0)):
            status, _, err = run(piped(data), "--format", "json")
            assert (status, "already done" in err) == (0, not done), err
        assert json.loads(Path("rubylith-out/200/masks.json").read_text())["image"]["width"] == 100
    finally:
        os.close(200)


def test_what_comes_from_a_pipe_is_read_once_although_another_picture_has_its_place(run):
    Path("200.png").write_bytes(encoded(scene(40, 60)))
    run("200.png", "--format", "json")
    try:
        status, _, err = run(piped(Path("photo.png").read_bytes()), "--format", "json")
    finally:
        os.close(200)
    assert status == 0, err
    assert "200.png has that name already" in err
    assert json.loads(Path("rubylith-out/200/masks.json").read_text())["image"]["width"] == 60
