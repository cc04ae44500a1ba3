"""Many pictures: failures stay apart, results arrive whole, and a second run goes on where the first one stopped."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.pictures import encoded, scene

from rubylith.domain.errors import NotAccessible
from rubylith.domain.geometry import Point
from rubylith.domain.prompt import Everything, ObjectPrompt, Objects
from rubylith.engine.embedded import network
from rubylith.engine.engine import ANY_PROCESSOR, Engine
from rubylith.engine.runtimes import Device
from rubylith.formats import Encoded
from rubylith.service.batch import Done, Failed, Work, made_by_others, pending, run
from rubylith.service.claim import mark
from rubylith.service.delivery import write_files
from rubylith.service.inputs import find_inputs
from rubylith.service.manifest import MANIFEST, Entry, Manifest

FIXTURES = Path(__file__).parents[1] / "fixtures"
FILE = Encoded("masks/001.png", "image/png", b"data")
A = Entry("a", "p/a.png", "done", "options", "digest", 3, ("masks.json",))


@pytest.fixture
def ten(tmp_path, monkeypatch, segmenter):
    """Ten pictures in `p`, of which 4.png is text."""
    monkeypatch.chdir(tmp_path)
    Path("p").mkdir()
    for number in range(10):
        Path(f"p/{number}.png").write_bytes(b"text" if number == 4 else encoded(scene(50, 50 + number)))
    return find_inputs(["p"], out=Path("out"), read_stdin=bytes)


def work(prompt=None, formats=("json",)) -> Work:
    return Work(Engine(), prompt or Everything(), formats, Path("out"))


def names(inputs) -> list[str]:
    return [each.folder for each in inputs]


def test_one_bad_picture_does_not_stop_the_others(ten):
    outcomes = list(run(ten, work()))
    assert [type(outcome) for outcome in outcomes] == [Failed if n == 4 else Done for n in range(10)]
    lines = [json.loads(line) for line in Path("out", MANIFEST).read_text().splitlines()]
    assert [line["folder"] for line in lines if line["status"] == "failed"] == ["4"]
    assert "p/4.png is not a picture" in next(line["error"] for line in lines if line["status"] == "failed")
    assert sorted(path.name for path in Path("out").iterdir()) == [*"012356789", MANIFEST]


def test_a_model_that_breaks_on_one_picture_does_not_stop_the_others(ten, segmenter, monkeypatch):
    embed = segmenter.embed
    monkeypatch.setattr(segmenter, "embed", lambda image: 1 / 0 if image.size.width == 52 else embed(image))
    failed = [outcome for outcome in run(ten, work()) if isinstance(outcome, Failed)]
    assert names(outcome.input for outcome in failed) == ["2", "4"]
    assert str(failed[0].error).startswith("p/2.png made Rubylith fail with ZeroDivisionError")
    assert isinstance(failed[0].error.__cause__, ZeroDivisionError)


def test_a_second_run_does_only_what_failed(ten, segmenter):
    list(run(ten, work()))
    assert names(pending(ten, work())) == ["4"]
    Path("p/4.png").write_bytes(encoded(scene()))
    list(run(pending(ten, work()), work()))
    assert pending(ten, work()) == ()
    assert len(segmenter.embedded) == 10


def test_what_has_changed_is_done_anew(ten):
    list(run(ten, work()))
    assert len(pending(ten, work(Everything(max_masks=1)))) == 10
    assert len(pending(ten, work(formats=("json", "labelmap")))) == 10
    Path("p/7.png").write_bytes(encoded(scene(9, 9)))
    Path("out/8/masks.json").unlink()
    assert names(pending(ten, work())) == ["4", "7", "8"]
    Path("p/3.png").unlink()
    assert names(pending(ten, work())) == ["3", "4", "7", "8"]


@pytest.mark.usefixtures("segmenter")
def test_the_digest_of_the_work_tells_prompts_models_and_formats_apart():
    prompts = [Everything(), Everything(max_masks=2), Objects(()), Objects((), multimask=True)]
    digests = {work(prompt, formats).digest for prompt in prompts for formats in (("json",), ("json", "png"))}
    assert len(digests) == 8
    assert work().digest == work().digest
    assert work(formats=("json", "png")).digest == work(formats=("png", "json")).digest


@pytest.mark.usefixtures("segmenter")
def test_another_version_does_the_work_anew(monkeypatch):
    before = work().digest
    monkeypatch.setattr("rubylith.service.batch.__version__", "99")
    assert work().digest != before


@pytest.fixture
def tiny(tmp_path):
    """A model that a test may change."""
    return Path(shutil.copytree(FIXTURES / "tiny-sam", tmp_path / "models" / "tiny"))


def click_with(model: str = "embedded", device: Device = ANY_PROCESSOR) -> Work:
    prompt = Objects((ObjectPrompt((Point(20, 20),)),))
    return Work(Engine(model, device=device), prompt, ("json",), Path("out"))


def test_results_of_another_model_are_done_anew_and_told_of(ten, tiny):
    three = ten[:3]
    list(run(three, click_with()))
    assert made_by_others(three, click_with()) == ()
    other = click_with(str(tiny))
    assert names(pending(three, other)) == ["0", "1", "2"]
    assert [(entry.folder, entry.model) for entry in made_by_others(three, other)] == [
        (folder, "embedded") for folder in "012"
    ]
    list(run(three[:1], other))
    assert [entry.folder for entry in made_by_others(three, other)] == ["1", "2"]
    assert json.loads(Path("out/0/masks.json").read_text())["model"] == str(tiny)


def test_a_model_whose_files_are_others_under_the_same_name_is_another(ten, tiny):
    one = ten[:1]
    list(run(one, click_with(str(tiny))))
    for file in tiny.rglob("*.onnx"):
        os.utime(file, (1, 1))  # the same content, brought anew
    assert (pending(one, click_with(str(tiny))), made_by_others(one, click_with(str(tiny)))) == ((), ())
    shutil.rmtree(tiny)
    shutil.copytree(FIXTURES / "tiny-sam2", tiny)
    changed = click_with(str(tiny))
    assert pending(one, changed) == one
    assert [entry.model for entry in made_by_others(one, changed)] == [changed.engine.model]


@pytest.mark.parametrize("others", [False, True])
def test_results_of_another_state_of_the_embedded_model_are_done_anew_and_told_of(ten, tmp_path, monkeypatch, others):
    one = ten[:1]
    list(run(one, click_with()))
    assert (pending(one, click_with()), made_by_others(one, click_with())) == ((), ())
    for name in ("FILE", "CONTOURS", "CHOICE"):
        moved = tmp_path / f"moved {name}"
        if others:
            moved.write_bytes(b"of another build")
        monkeypatch.setattr(network, name, moved)
    changed = click_with()
    assert pending(one, changed) == one
    assert [entry.model for entry in made_by_others(one, changed)] == ["embedded"]
    list(run(one, changed))
    assert (pending(one, click_with()), made_by_others(one, click_with())) == ((), ())


def test_results_that_do_not_say_which_state_of_the_embedded_model_made_them_are_done_anew(ten):
    one = ten[:1]
    list(run(one, click_with()))
    lines = Path("out", MANIFEST).read_text().splitlines()
    Path("out", MANIFEST).write_text("".join(json.dumps(json.loads(text) | {"weights": None}) + "\n" for text in lines))
    assert [entry.model for entry in made_by_others(one, click_with())] == ["embedded"]


def test_a_line_from_before_models_were_noted_is_no_other_models(ten):
    Manifest(Path("out")).add(Entry("0", "p/0.png", "done", "options", files=("masks.json",)))
    assert made_by_others(ten[:1], click_with()) == ()


def test_results_of_fewer_masks_leave_none_of_the_old_ones(ten):
    one = ten[:1]
    list(run(one, work(formats=("png",))))
    Path("out/0/notes.txt").write_text("mine")
    before = sorted(path.name for path in Path("out/0").rglob("*.png"))
    list(run(one, work(Everything(max_masks=1), ("labelmap",))))
    assert len(before) == 1
    assert not list(Path("out/0").rglob(before[0]))
    assert Path("out/0/notes.txt").read_text() == "mine"


def test_files_of_a_run_that_was_stopped_before_its_line_are_not_taken_for_an_earlier_runs(ten, monkeypatch):
    one, first, second = ten[:1], work(formats=("png",)), work(Everything(max_masks=1), ("json",))
    list(run(one, first))
    add = Manifest.add

    def killed(manifest: Manifest, entry: Entry) -> None:
        if entry.status == "done":
            raise KeyboardInterrupt
        add(manifest, entry)

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            list(run(one, second))
    assert Path("out/0/masks.json").is_file()
    assert pending(one, first) == pending(one, second) == one
    list(run(one, first))
    assert not Path("out/0/masks.json").exists()
    assert pending(one, first) == ()


def test_a_manifest_cannot_have_files_elsewhere_removed(ten):
    Path("out/0").mkdir(parents=True)
    Path("elsewhere").mkdir()
    for victim in ("victim.txt", "elsewhere/victim.txt"):
        Path(victim).write_text("mine")
    Path("out/0/link").symlink_to(Path("elsewhere").resolve())
    for file in ("../../victim.txt", "link/victim.txt"):
        Manifest(Path("out")).add(Entry("0", "p/0.png", "done", "options", files=(file,)))
        list(run(ten[:1], work()))
    assert Path("victim.txt").exists()
    assert Path("elsewhere/victim.txt").exists()


def test_without_a_folder_nothing_is_written(ten):
    (done,) = run(ten[:1], Work(Engine(), Everything()))
    assert done.files == ()
    assert not Path("out").exists()


def test_a_folder_that_cannot_be_written_ends_the_run(ten):
    Path("out").write_text("a file")
    with pytest.raises(NotAccessible, match="out"):
        list(run(ten, work()))


def test_the_manifest_keeps_the_last_word_on_each_folder(tmp_path):
    manifest = Manifest(tmp_path / "new")
    assert manifest.find("a") is None
    manifest.add(A)
    failed = Entry("a", "p/a.png", "failed", "options", error="é \udcff")
    manifest.add(failed)
    assert manifest.find("a") == Manifest(tmp_path / "new").find("a") == failed


def line(**changes: object) -> bytes:
    """A line about A's folder that says something else."""
    return json.dumps({**asdict(A), "input": "other", **changes}).encode() + b"\n"


@pytest.mark.parametrize(
    "tail",
    [
        b'{"folder": "b", "inp',
        b"\xff\x00",
        b"[]\n",
        b'{"other": 1}\n',
        b"\n\n",
        b"[" * 100_000,
        line(folder=["photo"]),
        line(folder=None),
        line(input=1),
        line(status="finished"),
        line(status=["done"]),
        line(options={}),
        line(digest=1),
        line(masks="3"),
        line(masks=True),
        line(error=[]),
        line(model=1),
        line(weights=["x"]),
        line(files=[1]),
        line(files=5),
        line(files=["../../victim.txt"]),
        line(files=["masks/../../victim.txt"]),
        line(files=["..\\victim.txt"]),
        line(files=["/etc/passwd"]),
        line(files=["C:victim.txt"]),
        line(files=["."]),
        line(files=["a\0b"]),
    ],
)
def test_a_torn_or_strange_line_is_skipped_and_the_next_one_is_whole(tmp_path, tail):
    Manifest(tmp_path).add(A)
    with (tmp_path / MANIFEST).open("ab") as file:
        file.write(tail)
    again = Manifest(tmp_path)
    assert again.find("a") == A
    later = Entry("c", "p/c.png", "done", "options")
    again.add(later)
    assert Manifest(tmp_path).find("c") == later


def test_an_interrupted_delivery_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files([Encoded("masks/001.png", "image/png", b"data")], tmp_path / "photo")
    assert list(tmp_path.iterdir()) == []


def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("where", [".", "photo"])
def test_what_a_killed_run_left_is_cleared(tmp_path, where):
    machine = mark().split("-")[1]
    ours, other = f".partial-{dead()}-{machine}-x", f".partial-{mark()}-x"
    for left in (ours, other):
        (tmp_path / where / left / "files").mkdir(parents=True)
        (tmp_path / where / left / "files" / "999.png").write_bytes(b"half")
    write_files([FILE], tmp_path / "photo")
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")}
    assert files == {"photo/masks/001.png", Path(where, other, "files", "999.png").as_posix()}


def test_what_another_machine_left_is_cleared_in_time(tmp_path):
    left = tmp_path / ".partial-1-00000000-x"
    left.mkdir()
    write_files([FILE], tmp_path)
    assert left.exists()
    os.utime(left, (0, 0))
    write_files([FILE], tmp_path)
    assert not left.exists()


@pytest.mark.skipif(not Path("/dev/shm").is_mount(), reason="there is no second disk")
def test_the_root_of_another_disk_can_be_written(tmp_path):
    shared = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        name = f"{shared.name}-rubylith-test.txt"
        (path,) = write_files([Encoded(name, "text/plain", b"data")], Path("/dev/shm"))
        path.unlink()
    finally:
        shared.rmdir()


def test_two_writers_of_one_folder_leave_whole_files(tmp_path):
    def write(byte: bytes) -> None:
        files = [Encoded(f"masks/{number:03d}.png", "image/png", byte * 9) for number in range(9)]
        for folder in range(20):
            write_files(files, tmp_path / str(folder))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, (b"a", b"b", b"c", b"d")))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 180
    assert all(path.read_bytes() in {b"a" * 9, b"b" * 9, b"c" * 9, b"d" * 9} for path in files)
    assert not list(tmp_path.rglob(".*"))


def test_results_have_the_permissions_of_any_new_folder(tmp_path):
    write_files([FILE], tmp_path / "photo")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "photo").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ENOSPC, "Free some space"), (errno.EACCES, "Mend the permissions"), (errno.EIO, "Choose another folder")],
)
def test_what_cannot_be_written_is_told_with_a_hint_that_fits(tmp_path, monkeypatch, number, hint):
    def refused(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(Path, "write_bytes", refused)
    with pytest.raises(NotAccessible, match=f"photo cannot be written: no. {hint}"):
        write_files([FILE], tmp_path / "photo")


@pytest.mark.parametrize("damaged", [b"", b"cut short", "appended"])
def test_a_result_of_another_size_than_was_written_is_done_anew(ten, damaged):
    list(run(ten, work()))
    assert names(pending(ten, work())) == ["4"]
    file = Path("out/2/masks.json")
    whole = file.read_bytes()
    file.write_bytes(whole + b"\n" if damaged == "appended" else damaged)
    assert names(pending(ten, work())) == ["2", "4"]
    list(run(pending(ten, work()), work()))
    assert file.read_bytes() == whole
    assert names(pending(ten, work())) == ["4"]


@pytest.mark.parametrize("sizes", [None, []])
def test_a_manifest_of_an_earlier_version_without_sizes_counts_as_it_did(ten, sizes):
    list(run(ten, work()))
    path = Path("out", MANIFEST)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert any(line.pop("sizes") for line in lines)
    path.write_text("".join(json.dumps(line | ({} if sizes is None else {"sizes": sizes})) + "\n" for line in lines))
    assert names(pending(ten, work())) == ["4"]


@pytest.mark.parametrize("sizes", [[1, 2], ["1"], [True], [-1], {"masks.json": 1}, 5])
def test_sizes_that_are_none_make_no_entry(tmp_path, sizes):
    line = asdict(A) | {"sizes": sizes}
    (tmp_path / MANIFEST).write_text(json.dumps(line) + "\n")
    assert Manifest(tmp_path).find("a") is None
