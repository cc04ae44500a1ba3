"""Which pictures a command means, and where the results of each go."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubylith.domain.errors import InvalidPrompt, NotFound
from rubylith.service.inputs import distinct_folders, find_inputs
from rubylith.service.intake import digest_of
from rubylith.service.manifest import Entry, Manifest


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(*words: str, out: str = "rubylith-out") -> dict[str, str]:
    """The folder of each input by its name."""
    inputs = find_inputs(words, out=Path(out), read_stdin=lambda: b"bytes")
    assert len({each.folder for each in inputs}) == len(inputs)
    return {each.name: each.folder for each in inputs}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_goes_to_a_folder_of_its_name(here):
    assert found("photos/beach.jpg", str(here / "sea.png")) == {
        "photos/beach.jpg": "beach",
        str(here / "sea.png"): "sea",
    }


def test_a_folder_is_searched_below_sorted_and_mirrored(here):
    touch(here, "p/b.JPG", "p/a.png", "p/sub/deep/c.webp", "p/notes.txt", "p/.hidden.png", "p/.cache/d.png")
    assert list(found("p").items()) == [("p/a.png", "a"), ("p/b.JPG", "b"), ("p/sub/deep/c.webp", "sub/deep/c")]


def test_earlier_results_are_not_taken_for_pictures(here):
    touch(here, "a.png", "rubylith-out/a/overlay.png", "masks/a/overlay.png")
    assert found(".", out="masks") == {"a.png": "a"}


def test_a_glob_is_expanded_for_shells_that_do_not(here):
    touch(here, "p/a.png", "p/b.jpg", "p/x/c.png", "p/y/c.png")
    assert found("p/*.png") == {"p/a.png": "a"}
    assert found("p/*/c.png") == {"p/x/c.png": "x/c", "p/y/c.png": "y/c"}
    assert found("p/**/*.png") == {"p/a.png": "a", "p/x/c.png": "x/c", "p/y/c.png": "y/c"}
    assert found(str(here / "p" / "x*")) == {str(here / "p/x/c.png"): "x/c"}


def leave_results(out: Path, folder: str, name: str, digest: str = "digest") -> None:
    """As if an earlier run had done the picture of this name."""
    Manifest(out).add(Entry(folder, name, "done", "options", digest, 1, ("overlay.png",)))
    touch(out, f"{folder}/overlay.png")


def test_results_beside_their_pictures_are_not_taken_for_pictures(here):
    touch(here, "q/a.png", "q/sub/b.png", "q/sub/c/d.png", "q/masks/e.png")
    leave_results(here / "q", "a", "q/a.png")
    leave_results(here / "q", "sub/b", "q/sub/b.png")
    expected = {"q/a.png": "a", "q/masks/e.png": "masks/e", "q/sub/b.png": "sub/b", "q/sub/c/d.png": "sub/c/d"}
    assert found("q", out="q") == found("q") == expected
    assert found("q/**/*.*", out="q") == found("q/**/*.*") == expected
    assert list(found("q/sub")) == ["q/sub/b.png", "q/sub/c/d.png"]
    assert list(found("q/a/overlay.png")) == ["q/a/overlay.png"]


def test_a_glob_passes_over_the_default_folder_and_the_manifest(here):
    touch(here, "a.png", "rubylith-out/a/overlay.png", "rubylith-out/manifest.jsonl", "x/manifest.jsonl")
    assert found("**/*.*") == found("*") == {"a.png": "a"}


def test_a_pattern_cannot_lead_out_of_the_results(here):
    touch(here, "p/x/c.png", "a.png")
    assert list(found("p/*/../../a.png").values()) == ["x/a"]


def test_results_never_take_the_name_of_an_input(here):
    touch(here, "cc/a.jpg", "cc/a.png", "cc/b")
    assert found("cc", out="cc") == {"cc/a.jpg": "a.jpg-2", "cc/a.png": "a.png-2"}
    assert found("cc/b", out="cc") == {"cc/b": "b-2"}


def test_pictures_of_one_name_from_different_folders_do_not_replace_each_other(here):
    touch(here, "d1/photo.jpg", "d2/photo.jpg", "d3/photo.jpg")
    for number in "123":
        Path(f"d{number}/photo.jpg").write_text(number)
    leave_results(here / "out", "photo", "d1/photo.jpg")
    (second,) = find_inputs(["d2/photo.jpg"], out=Path("out"), read_stdin=bytes)
    assert (second.folder, second.moved_for) == ("photo.jpg", "d1/photo.jpg")
    leave_results(here / "out", "photo.jpg", "d2/photo.jpg")
    (again,) = find_inputs(["d2/photo.jpg"], out=Path("out"), read_stdin=bytes)
    assert (again.folder, again.moved_for) == ("photo.jpg", None)
    assert found("d3/photo.jpg", out="out") == {"d3/photo.jpg": "photo.jpg-2"}
    assert found(str(here / "d1" / "photo.jpg"), out="out") == {str(here / "d1/photo.jpg"): "photo"}


def test_a_picture_that_was_moved_finds_its_results(here):
    touch(here, "new/photo.jpg")
    Path("new/photo.jpg").write_bytes(b"same")
    leave_results(here / "out", "photo", "old/photo.jpg", digest_of(b"same"))
    assert found("new/photo.jpg", out="out") == {"new/photo.jpg": "photo"}


def test_a_file_whose_name_looks_like_a_glob_is_a_file(here):
    touch(here, "a[1].png", "a1.png")
    assert found("a[1].png") == {"a[1].png": "a[1]"}


def test_each_picture_is_taken_once(here):
    touch(here, "p/a.png")
    assert found("p/a.png", "p", str(here / "p" / "a.png"), "p/../p/a.png") == {"p/a.png": "a"}


def test_a_file_that_is_missing_is_an_input_that_will_fail():
    assert found("missing.jpg") == {"missing.jpg": "missing"}


def test_standard_input_is_read_once():
    (each,) = find_inputs(["-", "-"], out=Path("out"), read_stdin=lambda: b"bytes")
    assert (each.source.data, each.name, each.folder) == (b"bytes", "standard input", "stdin")


@pytest.mark.parametrize(
    ("word", "error", "match"),
    [
        ("http://example.org/a.jpg", InvalidPrompt, "is a link, and links are not fetched. Download it"),
        ("https://example.org/*.jpg", InvalidPrompt, "is a link"),
        ("nothing/*.png", NotFound, r"Nothing matches nothing/\*.png"),
        ("empty", NotFound, "no picture in empty. Pictures end in .png"),
    ],
)
def test_words_that_mean_no_picture_are_refused(here, word, error, match):
    (here / "empty").mkdir()
    with pytest.raises(error, match=match):
        found("a.jpg", word)


def test_a_folder_without_permission_is_refused(here):
    """Permission bits do not hold for root, so root looks as somebody else."""
    touch(here, "p/private/a.png", "p/b.png")
    (here / "p" / "private").chmod(0)
    code = f"""
        import os, pathlib
        from rubylith.service.inputs import find_inputs
        for parent in pathlib.Path({str(here / "x")!r}).parents:
            if os.geteuid() == 0 and parent.is_relative_to({str(here.parent.parent)!r}):
                parent.chmod(0o755)
        os.geteuid() == 0 and os.seteuid(65534)
        try:
            find_inputs(["p"], out=pathlib.Path("out"), read_stdin=bytes)
        except Exception as error:
            print(type(error).__name__, error)
    """
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    (here / "p" / "private").chmod(0o755)
    assert told.stdout.startswith("NotAccessible The folder p/private cannot be read")


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text exist on Linux only")
def test_a_name_that_is_no_text_can_be_said(here):
    (here / os.fsdecode(b"caf\xe9.png")).touch()
    assert list(found(".")) == ["caf\\xe9.png"]


def folders(*places: str) -> list[str]:
    return distinct_folders([PurePosixPath(place) for place in places])


def test_pictures_of_one_stem_keep_their_suffixes():
    assert folders("a.jpg", "a.png", "b.png") == ["a.jpg", "a.png", "b"]
    assert folders("a.jpg", "A.PNG") == ["a.jpg", "A.PNG"]


def test_pictures_of_one_name_are_counted():
    assert folders("a.jpg", "a.jpg", "a.jpg") == ["a.jpg", "a.jpg-2", "a.jpg-3"]


def test_no_results_lie_inside_those_of_another():
    assert folders("cat.jpg", "cat/1.jpg") == ["cat.jpg", "cat/1"]
    assert folders("cat.jpg", "cat/1.jpg", "cat.jpg/2.png") == ["cat.jpg-2", "cat/1", "cat.jpg/2"]


def test_the_manifest_keeps_its_name():
    assert folders("manifest.jsonl.png") == ["manifest.jsonl.png"]


NAMES = st.sampled_from(["a", "A", "a.jpg", "a.png", "a.jpg.png", "b.c", "a.jpg-2", "a.jpg-2.png"])


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=12))
def test_folders_are_distinct_stable_and_never_nested(places):
    given_folders = folders(*places)
    assert given_folders == folders(*places)
    keys = [folder.casefold() for folder in given_folders]
    assert len(set(keys)) == len(places)
    assert not [(one, other) for one in keys for other in keys if other.startswith(one + "/")]


@pytest.fixture
def odd(here):
    """Names of a folder that no picture will ever come from: a pipe that nobody writes to, a socket, a device."""
    touch(here, "p/a.png")
    os.mkfifo("p/pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("p/socket.png")
        Path("p/null.png").symlink_to("/dev/null")
        yield "p/pipe.png", "p/socket.png", "p/null.png"


def test_pipes_sockets_and_devices_in_folders_are_passed_over(odd):
    assert found("p") == found("p/*") == found("p/**/*.png") == {"p/a.png": "a"}


def test_a_pipe_a_socket_or_a_device_is_refused_by_name(odd):
    for name in (*odd, "/dev/zero"):
        with pytest.raises(InvalidPrompt, match=f"{name} is a .* and not a regular file"):
            found("p/a.png", name)
