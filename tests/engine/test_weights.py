"""Models arrive whole or not at all; a broken connection costs only what had not yet come."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.origins import DECODER, ENCODER, FILES, NAME, host, rows, write_hub, write_mirror, write_repository

from rubylith.domain.errors import (
    Conflict,
    LicenceNotAllowed,
    NotAccessible,
    NotFound,
    SourceUnreachable,
    UnknownName,
    WeightsMissing,
    WrongDigest,
)
from rubylith.engine import weights
from rubylith.engine.catalog import PAGE, File, catalog, find_detector, find_entry, find_weights
from rubylith.engine.engine import Engine
from rubylith.engine.lists import LIST
from rubylith.engine.locks import locked
from rubylith.engine.models import sam
from rubylith.engine.precisions import STATIC, files_for
from rubylith.engine.runtimes import Device
from rubylith.engine.sources import open_source
from rubylith.engine.weights import Store

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def mirror(tmp_path):
    """A folder that holds one model."""
    return write_mirror(tmp_path / "mirror")


@pytest.fixture
def server(mirror):
    with host(mirror) as served:
        yield served


def nothing_registered(store: Store) -> bool:
    with pytest.raises(WeightsMissing):
        find_weights(NAME, store.folder)
    return store.installed() == ()


def test_a_model_comes_from_a_folder_and_is_then_found(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    home = store.pull(NAME)
    assert {path: (home / path).read_bytes() for path in FILES} == FILES
    assert store.installed() == (NAME,)
    assert store.verify(NAME) == ()
    family, found = find_weights(NAME, store.folder)
    assert (family, found.folder, found.is_split, found.input_size) == ("sam", home, False, 1024)
    assert [path for path in (store.folder / weights.PARTIAL).iterdir() if path.suffix != ".lock"] == []
    kept = store.find(NAME)
    assert (kept.size, kept.precisions, kept.is_export) == (413_000, ("fp32",), False)


def test_a_model_comes_by_url_and_what_is_to_come_is_told_before_it_comes(server, tmp_path):
    told = []
    Store(tmp_path / "models", server.url).pull(NAME, report=lambda *news: told.append(news))
    assert told[:2] == [(ENCODER, 0, 350_000), (DECODER, 0, 63_000)]
    assert told[-1] == (DECODER, 63_000, 63_000)


def test_a_cut_connection_is_gone_on_with_at_once(server, tmp_path):
    server.break_after = 200_000
    home = Store(tmp_path / "models", server.url).pull(NAME)
    assert server.starts(ENCODER) == [0, 200_000]
    assert (home / ENCODER).read_bytes() == FILES[ENCODER]


def test_after_a_broken_pull_the_next_one_goes_on_from_there(server, tmp_path):
    store = Store(tmp_path / "models", server.url)
    server.break_after = 100_000
    with pytest.raises(SourceUnreachable, match=r"broke after 300000 of 350000 bytes .*goes on"):
        store.pull(NAME)
    assert nothing_registered(store)
    server.break_after, server.asked = None, []
    told = []
    home = store.pull(NAME, report=lambda *news: told.append(news))
    assert server.starts(ENCODER) == [300_000]
    assert told[0] == (ENCODER, 300_000, 350_000)
    assert (home / ENCODER).read_bytes() == FILES[ENCODER]


def test_a_host_that_cannot_begin_later_is_read_from_the_start(mirror, tmp_path):
    """It answers 200 with all of the file."""
    whole = FILES[ENCODER]
    store = Store(tmp_path / "models", str(mirror))
    part = store.folder / weights.PARTIAL / NAME / f"{ENCODER}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 360_000)  # more than there is: the file has changed
    with pytest.raises(WrongDigest):
        store.pull(NAME)
    assert (store.pull(NAME) / ENCODER).read_bytes() == whole


def test_a_wrong_digest_is_refused_and_leaves_nothing(mirror, tmp_path):
    (mirror / NAME / ENCODER).write_bytes(b"another" * 50_000)
    store = Store(tmp_path / "models", str(mirror))
    with pytest.raises(WrongDigest, match=r"vision_encoder\.onnx has .* SHA-256 .* were promised.*do not use it"):
        store.pull(NAME)
    assert nothing_registered(store)
    assert not list((store.folder / weights.PARTIAL).rglob("*.part"))


def test_more_bytes_than_promised_are_refused_before_they_fill_the_disk(mirror, tmp_path):
    (mirror / NAME / ENCODER).write_bytes(FILES[ENCODER] + b"\0" * 9_000_000)
    store = Store(tmp_path / "models", str(mirror))
    told = []
    with pytest.raises(WrongDigest):
        store.pull(NAME, report=lambda *news: told.append(news[1]))
    assert max(told) < 2_000_000
    assert nothing_registered(store)


def test_what_the_catalogue_knows_wins_over_the_mirror(tmp_path):
    mirror = write_mirror(tmp_path / "mirror", "slimsam-77")
    with pytest.raises(WrongDigest, match=r"9f8433273a67.* were promised"):
        Store(tmp_path / "models", str(mirror)).pull("slimsam-77")


def test_the_hub_is_asked_for_digest_size_and_side_files(tmp_path):
    files = {**FILES, f"{ENCODER}_data": b"data" * 10, f"{ENCODER}_data_1": b"more" * 10}
    with host(write_hub(tmp_path / "store", NAME, files)) as store, host(store.folder, store=store) as hub:
        items = open_source(None, hub.url).items(find_entry(NAME), "fp32")
        found = {item.path: {"sha256": item.sha256, "size": item.size} for item in items}
        assert found == rows(files)
        home = Store(tmp_path / "models", hub=hub.url).pull(NAME)
    assert {path: (home / path).read_bytes() for path in files} == files


def test_a_file_whose_digest_the_hub_does_not_tell_is_taken_by_its_length(tmp_path):
    with host(write_hub(tmp_path / "hub")) as hub:
        (item, *_) = open_source(None, hub.url).items(find_entry(NAME), "fp32")
        assert (item.sha256, item.size) == (None, 350_000)
        store = Store(tmp_path / "models", hub=hub.url)
        store.pull(NAME)
        assert store.verify(NAME) == ()


def test_what_the_catalogue_knows_is_asked_for_by_revision_and_not_looked_up(tmp_path):
    entry = find_entry("sam2.1-tiny")
    with host(tmp_path) as hub, pytest.raises(NotFound):
        Store(tmp_path / "models", hub=hub.url).pull(entry.name)
    (asked,) = hub.asked
    assert (asked.method, entry.revision in asked.path) == ("GET", True)


def test_a_renamed_repository_is_followed(tmp_path):
    entry = find_entry(NAME)
    write_repository(tmp_path / "hub", "new/name", FILES)
    with host(tmp_path / "hub", moved=(f"/{entry.source}/", "/new/name/")) as hub:
        home = Store(tmp_path / "models", hub=hub.url).pull(NAME)
    assert (home / DECODER).read_bytes() == FILES[DECODER]


def test_a_gated_repository_opens_to_a_token_which_goes_to_the_hub_alone(tmp_path):
    folder = write_hub(tmp_path / "hub")
    with host(folder) as store, host(folder, token="hf_secret", store=store) as hub:
        with pytest.raises(SourceUnreachable, match=r"answers 401.*accept the model's terms.*RUBYLITH_HUB_TOKEN"):
            Store(tmp_path / "models", hub=hub.url).pull(NAME)
        with pytest.raises(SourceUnreachable, match=r"answers 401.*check the token"):
            Store(tmp_path / "models", hub=hub.url, token="hf_old").pull(NAME)
        keyed = Store(tmp_path / "models", hub=hub.url, token="hf_secret")
        keyed.pull(NAME)
    assert store.asked
    assert {one.authorization for one in store.asked} == {None}
    assert "hf_secret" not in repr(keyed)


def test_a_redirect_to_a_file_of_this_machine_is_not_followed(tmp_path):
    with (
        host(write_hub(tmp_path / "hub"), moved=("/Xenova", "file:///etc")) as hub,
        pytest.raises(SourceUnreachable, match="it leads to file:"),
    ):
        Store(tmp_path / "models", hub=hub.url).pull(NAME)


@pytest.mark.skipif(sys.platform != "linux", reason="nobody may write into /proc, not even root")
def test_a_read_only_folder_says_so(mirror):
    with pytest.raises(NotAccessible, match=r"/proc/self/models cannot be written.* folder"):
        Store(Path("/proc/self/models"), str(mirror)).pull(NAME)


def test_a_folder_that_refuses_to_be_written_says_so(mirror, tmp_path):
    """A file in the place of the folder is refused for everyone, root too."""
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(NotAccessible, match="cannot be written"):
        Store(tmp_path / "models", str(mirror)).pull(NAME)


def test_too_little_room_is_seen_before_anything_is_fetched(server, tmp_path):
    huge = {path: {"sha256": "0" * 64, "size": 10**18} for path in FILES}
    (server.folder / NAME / LIST).write_text(json.dumps({"files": huge}))
    with pytest.raises(NotAccessible, match=r"too full: 2000000000000000000 bytes are needed, \d+ .*RUBYLITH_MODELS"):
        Store(tmp_path / "models", server.url).pull(NAME)
    assert [one.path for one in server.asked] == [f"/{NAME}/{LIST}"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a Linux device")  # noqa: PTH110
def test_a_disk_that_fills_up_on_the_way_is_told_from_a_broken_connection(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    place = store.folder / weights.PARTIAL / NAME / f"{ENCODER}.part"
    place.parent.mkdir(parents=True)
    place.symlink_to("/dev/full")
    with pytest.raises(NotAccessible, match=r"cannot be written: No space left.*Free some space"):
        store.pull(NAME)
    assert nothing_registered(store)


def test_offline_asks_nobody_but_takes_a_bundle(mirror, tmp_path):
    with pytest.raises(WeightsMissing, match=r"'sam-base' is not in .*RUBYLITH_OFFLINE.*RUBYLITH_MIRROR"):
        Store(tmp_path / "models", offline=True).pull(NAME)
    with host(mirror) as web, pytest.raises(WeightsMissing, match="RUBYLITH_OFFLINE"):
        Store(tmp_path / "models", web.url, offline=True).pull(NAME)
    assert web.asked == []
    here = Store(tmp_path / "here", str(mirror))
    here.pull(NAME)
    here.bundle((NAME,), tmp_path / "models.zip")
    there = Store(tmp_path / "there", str(tmp_path / "models.zip"), offline=True)
    assert there.names_at_source() == (NAME,)
    there.pull(NAME)
    assert there.verify(NAME) == ()


def test_a_damaged_bundle_is_refused(mirror, tmp_path):
    here = Store(tmp_path / "here", str(mirror))
    here.pull(NAME)
    bundle = tmp_path / "models.zip"
    here.bundle((NAME,), bundle)
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b"encoderencoder", b"encoderEncoder", 1))
    there = Store(tmp_path / "there", str(bundle))
    with pytest.raises(WrongDigest, match="The bundle is damaged"):
        there.pull(NAME)
    bundle.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceUnreachable, match="cannot be read"):
        there.pull(NAME)
    assert nothing_registered(there)


def test_a_bundle_of_what_is_not_here_leaves_no_file(tmp_path):
    with pytest.raises(WeightsMissing, match="rubylith models pull sam-base"):
        Store(tmp_path / "models").bundle((NAME,), tmp_path / "models.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_is_not_there_says_how_to_go_on(tmp_path):
    with pytest.raises(SourceUnreachable, match=r"cannot be reached.*RUBYLITH_MIRROR"):
        Store(tmp_path / "models", "http://127.0.0.1:1").pull(NAME)
    with pytest.raises(NotFound, match=r"has no sam-base/files.json"):
        Store(tmp_path / "models", str(tmp_path)).pull(NAME)
    with pytest.raises(NotFound, match=r"There is no .*nowhere"):
        Store(tmp_path / "models", str(tmp_path / "nowhere")).pull(NAME)


def test_a_precision_that_the_mirror_lacks_is_said_before_anything_is_fetched(server, tmp_path):
    with pytest.raises(NotFound, match=r"has no graphs of sam-base in int8, it has fp32"):
        Store(tmp_path / "models", server.url).pull(NAME, "int8")
    assert server.starts(".onnx") == []


def test_unknown_names_unpublished_models_and_other_licences_are_refused(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    with pytest.raises(UnknownName, match=r"'sam21-tiny'. Did you mean sam2.1-tiny or .*Known models: embedded, "):
        store.pull("sam21-tiny")
    with pytest.raises(WeightsMissing, match="rubylith models export mobile-sam"):
        Store(tmp_path / "models").pull("mobile-sam")
    with pytest.raises(LicenceNotAllowed, match=r"Apache-2.0, which is permissive; allowed here is custom.*--license"):
        Store(tmp_path / "models", str(mirror), licences=("custom",)).pull(NAME)
    assert nothing_registered(store)


OUTSIDE = ("../../evil", "/evil", "a/../../evil", "..\\evil", "", "D:evil.onnx", "D:\\evil", "\\\\host\\evil", "a\0b")
UNPLAIN = (".", "./a", "a//b", "a/", "a/./b", "a ", "a.", "a?")
OURS = (LIST, LIST.upper(), f"./{LIST}", f"{LIST}.partial", "a.part", "a.part/b")


@pytest.mark.parametrize("path", [*OUTSIDE, *UNPLAIN, *OURS])
def test_a_mirror_cannot_write_outside_the_models_folder_nor_over_what_is_ours(mirror, tmp_path, path):
    (mirror / NAME / LIST).write_text(json.dumps({"files": {path: {"sha256": "0" * 64, "size": 1}}}))
    with pytest.raises(SourceUnreachable, match="no plain path inside the model's folder"):
        Store(tmp_path / "models", str(mirror)).pull(NAME)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"a": {}}}', '{"files": {"a": {"sha256": 1}}}'])
def test_a_mirror_that_speaks_nonsense_is_refused(mirror, tmp_path, text):
    (mirror / NAME / LIST).write_text(text)
    with pytest.raises(SourceUnreachable, match="is no list of files"):
        Store(tmp_path / "models", str(mirror)).pull(NAME)


def test_a_further_pull_mends_what_is_damaged_and_fetches_nothing_else(server, tmp_path):
    store = Store(tmp_path / "models", server.url)
    home = store.pull(NAME)
    (home / ENCODER).write_bytes(b"damaged")
    assert store.verify(NAME) == (ENCODER,)
    server.asked = []
    store.pull(NAME)
    assert store.verify(NAME) == ()
    assert (server.starts(ENCODER), server.starts(DECODER)) == ([0], [])
    server.asked = []
    store.pull(NAME)
    assert server.starts(".onnx") == []


def test_another_precision_joins_the_first(tmp_path):
    files = {**FILES, "onnx/vision_encoder_quantized.onnx": b"small" * 100}
    with host(write_hub(tmp_path / "hub", NAME, files)) as hub:
        store = Store(tmp_path / "models", hub=hub.url)
        store.pull(NAME)
        assert store.lacks(NAME, "int8")
        hub.asked = []
        store.pull(NAME, "int8")
    assert hub.starts(DECODER) == []
    assert store.find(NAME).precisions == ("fp32", "int8")
    assert store.verify(NAME) == ()
    assert not store.lacks(NAME, "int8")


def test_two_pulls_of_one_model_do_not_write_into_each_other(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    (store.folder / weights.PARTIAL).mkdir(parents=True)
    with (
        locked(store.folder / weights.PARTIAL / f"{NAME}.lock", "busy"),
        pytest.raises(Conflict, match=r"Another process is at .sam-base. already\. Wait"),
    ):
        store.pull(NAME)
    store.pull(NAME)
    assert store.verify(NAME) == ()


def test_a_killed_pull_leaves_no_model_and_is_gone_on_with(mirror, tmp_path):
    """The process dies in the midst of a file, as with `kill -9`."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom rubylith.engine.weights import Store\n"
        "def die(path, here, size):\n    if here > 100_000: os._exit(9)\n"
        f"Store(Path(sys.argv[1]), sys.argv[2]).pull({NAME!r}, report=die)"
    )
    with host(mirror) as web:
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "models"), web.url], check=False)
        assert done.returncode == 9
        store = Store(tmp_path / "models", web.url)
        assert nothing_registered(store)
        store.pull(NAME)
    assert store.verify(NAME) == ()


def test_graphs_without_their_list_are_no_model(tmp_path):
    """Neither those that are pulled nor those that an export wrote: whoever moved them in may have died on the way."""
    shutil.copytree(FIXTURES / "tiny-sam", tmp_path / "models" / NAME)
    assert (tmp_path / "models" / NAME / PAGE).is_file()
    assert nothing_registered(Store(tmp_path / "models"))


def test_an_export_is_registered_and_preferred(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    store.register_export(NAME, FIXTURES / "tiny-sam")
    found = find_weights(NAME, store.folder)[1]
    assert (found.is_split, found.input_size) == (True, 64)
    assert store.find(NAME).is_export
    assert store.verify(NAME) == ()


def test_weights_for_an_export_are_fetched_from_the_hub_and_cleared_away(tmp_path):
    write_repository(tmp_path / "hub", "facebook/sam-vit-large", {"config.json": b"{}", "model.safetensors": b"w" * 99})
    entry = find_entry("sam-large")
    with host(tmp_path / "hub") as hub:
        store = Store(tmp_path / "models", "nowhere", hub=hub.url)
        folder = store.fetch_origin(entry, "facebook/sam-vit-large")
        assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
        store.clear_origin(entry)
        assert not folder.exists()
        with pytest.raises(WeightsMissing, match="RUBYLITH_OFFLINE"):
            Store(tmp_path / "models", hub=hub.url, offline=True).fetch_origin(entry, "facebook/sam-vit-large")


def test_an_original_checkpoint_that_is_known_must_be_what_it_is_known_for(tmp_path):
    write_repository(tmp_path / "hub", "dhkim2810/MobileSAM", {"mobile_sam.pt": b"w" * 40_728_226})
    with host(tmp_path / "hub") as hub, pytest.raises(WrongDigest, match=r"6dbb90523a35.* were promised"):
        Store(tmp_path / "models", hub=hub.url).fetch_origin(
            find_entry("mobile-sam"), "dhkim2810/MobileSAM/mobile_sam.pt"
        )


def test_a_removed_model_is_gone_with_what_a_broken_pull_has_left(server, tmp_path):
    store = Store(tmp_path / "models", server.url)
    home = store.pull(NAME)
    store.remove(NAME)
    assert not home.exists()
    with pytest.raises(WeightsMissing, match="rubylith models pull"):
        store.remove(NAME)
    server.break_after = 50_000
    with pytest.raises(SourceUnreachable):
        store.pull(NAME)
    store.remove(NAME)
    assert not list((store.folder / weights.PARTIAL).rglob("*.part"))


def stage(store: Store, path: str, data: bytes) -> Path:
    """What an earlier pull has left of a file."""
    place = store.folder / weights.PARTIAL / NAME / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


@pytest.mark.parametrize("left", [b"x" * 350_000, b"x", FILES[ENCODER]])
def test_a_file_that_an_earlier_pull_left_whole_is_checked_like_any(server, tmp_path, left):
    store = Store(tmp_path / "models", server.url)
    stage(store, ENCODER, left)
    home = store.pull(NAME)
    assert (home / ENCODER).read_bytes() == FILES[ENCODER]
    assert server.starts(ENCODER) == ([] if left == FILES[ENCODER] else [0])


@pytest.mark.parametrize("suffix", ["", ".part"])
def test_without_a_digest_nothing_is_made_of_what_another_file_left(tmp_path, suffix):
    with host(write_hub(tmp_path / "hub")) as hub:
        store = Store(tmp_path / "models", hub=hub.url)
        stage(store, f"{ENCODER}{suffix}", b"x" * (1000 if suffix else 350_000))
        assert (store.pull(NAME) / ENCODER).read_bytes() == FILES[ENCODER]
        assert hub.starts(ENCODER) == [0]


def test_weights_of_one_origin_are_not_taken_for_those_of_another(tmp_path):
    entry = find_entry("sam-large")
    for repository, data in (("facebook/sam-vit-large", b"theirs"), ("me/mine", b"my own")):
        write_repository(tmp_path / "hub", repository, {"config.json": b"{}", "model.safetensors": data})
    with host(tmp_path / "hub") as hub:
        store = Store(tmp_path / "models", hub=hub.url)
        theirs = store.fetch_origin(entry, "facebook/sam-vit-large")  # the export fails, and nobody clears it away
        mine = store.fetch_origin(entry, "me/mine")
        assert (theirs / "model.safetensors").read_bytes() == b"theirs"
        assert (mine / "model.safetensors").read_bytes() == b"my own"
        store.clear_origin(entry)
        assert not mine.exists()


def write_export(folder: Path, *, of: str, files: tuple[str, ...] = ("encoder", "encoder_int8", "prepare")) -> Path:
    """What an export has written; of: the weights."""
    folder.mkdir()
    for name in files:
        (folder / f"{name}.onnx").write_text(f"{name} of {of}")
    shutil.copy(FIXTURES / "tiny-sam" / PAGE, folder / PAGE)
    return folder


def texts(store: Store) -> dict[str, str]:
    home = store.folder / NAME
    return {path.relative_to(home).as_posix(): path.read_text() for path in home.rglob("*.onnx")}


def test_an_export_takes_the_place_of_the_one_before_and_of_nothing_that_was_pulled(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    store.pull(NAME)
    store.register_export(NAME, write_export(tmp_path / "a", of="A"))
    store.register_export(NAME, write_export(tmp_path / "b", of="B", files=("encoder", "prepare")))
    pulled = {path: data.decode() for path, data in FILES.items()}
    assert texts(store) == {**pulled, "encoder.onnx": "encoder of B", "prepare.onnx": "prepare of B"}
    assert (store.find(NAME).precisions, store.verify(NAME)) == (("fp32",), ())


def test_an_export_from_a_bundle_takes_the_place_of_another_too(tmp_path):
    there = Store(tmp_path / "there")
    there.register_export(NAME, write_export(tmp_path / "b", of="B", files=("encoder", "prepare")))
    store = Store(tmp_path / "models", str(there.folder))
    store.register_export(NAME, write_export(tmp_path / "a", of="A"))
    store.pull(NAME, None)
    assert texts(store) == {"encoder.onnx": "encoder of B", "prepare.onnx": "prepare of B"}
    store.pull(NAME, None)
    assert store.verify(NAME) == ()


def test_what_one_export_has_more_than_a_mirrors_stays_when_the_rest_is_the_same(tmp_path):
    there = Store(tmp_path / "there")
    there.register_export(NAME, write_export(tmp_path / "a", of="A", files=("encoder", "prepare")))
    store = Store(tmp_path / "models", str(there.folder))
    home = store.register_export(NAME, write_export(tmp_path / "b", of="A"))
    (home / "encoder.onnx").write_text("damaged")
    store.pull(NAME, None)
    assert set(texts(store)) == {"encoder.onnx", "encoder_int8.onnx", "prepare.onnx"}


KILLED_WHILE_REGISTERING = """
import os, sys
from pathlib import Path
from rubylith.engine.weights import Store
moved, move = 0, Path.replace
def dying(self, target):
    global moved
    moved += 1
    if moved > int(sys.argv[3]): os._exit(9)
    return move(self, target)
Path.replace = dying
Store(Path(sys.argv[1])).register_export("sam-base", Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moves", range(5))
def test_an_export_that_is_killed_while_it_moves_in_leaves_no_half_model(mirror, tmp_path, moves):
    """Whatever was there before; a pull then brings the model back, and nothing of the export is left in it."""
    store = Store(tmp_path / "models", str(mirror))
    home = store.pull(NAME)
    export = write_export(tmp_path / "export", of="A")
    code = [sys.executable, "-c", KILLED_WHILE_REGISTERING, str(store.folder), str(export), str(moves)]
    assert subprocess.run(code, check=False).returncode == 9
    assert nothing_registered(store)
    assert not (home / PAGE).exists() or moves == 4
    store.pull(NAME)
    assert {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()} == {*FILES, LIST}
    assert find_weights(NAME, store.folder)[1].is_split is False


def test_files_that_are_exchanged_while_they_are_opened_are_not_mixed(tmp_path, monkeypatch):
    """A server may open a model while another process registers an export of it."""
    store = Store(tmp_path / "models")
    store.register_export(NAME, FIXTURES / "tiny-sam")
    opened = sam.load

    def load(*arguments):
        model = opened(*arguments)
        store.register_export(NAME, write_export(tmp_path / "b", of="B"))
        return model

    monkeypatch.setattr(sam, "load", load)
    with pytest.raises(WeightsMissing, match=r"'sam-base' were replaced while they were opened. Ask again"):
        Engine(NAME, models_folder=store.folder)


DAMAGED = [b"", b"\xff", b"{", b"[]", b"{}", b'{"files": {"a": {}}}', b'{"files": {"../a": {"sha256": "", "size": 1}}}']


@pytest.mark.parametrize("text", DAMAGED)
def test_a_model_whose_list_cannot_be_read_is_not_whole_and_a_pull_mends_it(server, tmp_path, text):
    store = Store(tmp_path / "models", server.url)
    home = store.pull(NAME)
    (home / LIST).write_bytes(text)
    assert (store.installed(), store.damaged(), store.verify(NAME)) == ((), (NAME,), (LIST,))
    assert store.lacks(NAME, "fp32")
    with pytest.raises(WeightsMissing, match="rubylith models pull sam-base"):
        find_weights(NAME, store.folder)
    with pytest.raises(WeightsMissing, match=r"files.json cannot be read.*Mend it with `rubylith models pull sam-base"):
        store.find(NAME)
    server.asked = []
    store.pull(NAME)
    assert (store.installed(), store.damaged(), store.verify(NAME)) == ((NAME,), (), ())
    assert server.starts(".onnx") == []  # the files were right


def test_for_bfloat16_the_files_of_fp32_are_pulled(mirror, tmp_path):
    store = Store(tmp_path / "models", str(mirror))
    store.pull(NAME, "bf16")
    assert store.find(NAME).precisions == ("fp32",)
    assert not store.lacks(NAME, "bf16")


def test_openvino_in_int8_is_told_how_to_get_its_own_encoder_and_nothing_is_fetched(tmp_path):
    files = {**FILES, "onnx/vision_encoder_quantized.onnx": b"small" * 100}
    assert files_for(Device("openvino", precision="int8")) == STATIC
    assert files_for(Device(precision="int8")) == "int8"
    with host(write_hub(tmp_path / "hub", NAME, files)) as hub:
        store = Store(tmp_path / "models", hub=hub.url)
        store.pull(NAME, "int8")
        hub.asked = []
        assert store.lacks(NAME, STATIC)
        with pytest.raises(WeightsMissing, match=r"export sam-base --precision int8 --calibrate.*bf16 or fp32"):
            store.pull(NAME, STATIC)
        assert hub.asked == []
    store = Store(tmp_path / "models", str(write_mirror(tmp_path / "mirror")))
    with pytest.raises(NotFound, match=r"in int8-static, it has fp32. Write one with .*--calibrate"):
        store.pull(NAME, STATIC)


def test_an_encoder_with_measured_ranges_is_told_apart_and_carried(tmp_path):
    there = Store(tmp_path / "there")
    there.register_export(NAME, write_export(tmp_path / "a", of="A", files=("encoder", "encoder_int8_static")))
    assert there.find(NAME).precisions == ("fp32", STATIC)
    assert not there.lacks(NAME, STATIC)
    store = Store(tmp_path / "models", str(there.folder))
    store.pull(NAME, STATIC)
    assert store.find(NAME).precisions == ("fp32", STATIC)


@pytest.mark.parametrize("stage", [NAME, f"{NAME}.origin", f"{NAME}.export"])
def test_a_model_that_is_being_brought_or_written_is_not_removed(mirror, tmp_path, stage):
    store = Store(tmp_path / "models", str(mirror))
    store.pull(NAME)
    with (
        locked(store.folder / weights.PARTIAL / f"{stage}.lock", "busy"),
        pytest.raises(Conflict, match=r"Another process is at .*Wait until it has ended"),
    ):
        store.remove(NAME)
    assert store.verify(NAME) == ()


def test_what_a_broken_export_has_left_is_removed_even_if_there_is_no_model(tmp_path):
    write_repository(tmp_path / "hub", "me/mine", {"config.json": b"{}", "model.safetensors": b"w"})
    with host(tmp_path / "hub") as hub:
        store = Store(tmp_path / "models", hub=hub.url)
        store.fetch_origin(find_entry(NAME), "me/mine")
        (store.folder / weights.PARTIAL / f"{NAME}.export").mkdir()
        store.remove(NAME)
    assert {path.suffix for path in (store.folder / weights.PARTIAL).iterdir()} == {".lock"}
    with pytest.raises(WeightsMissing):
        store.remove(NAME)


def test_the_folder_of_an_export_is_empty_at_first_and_gone_at_last(tmp_path):
    store = Store(tmp_path / "models")
    left = store.folder / weights.PARTIAL / f"{NAME}.export" / "encoder.onnx"
    left.parent.mkdir(parents=True)
    left.write_text("of one that was killed")
    with store.exporting(NAME) as folder:
        assert list(folder.iterdir()) == []
        with pytest.raises(Conflict), store.exporting(NAME):
            pass
    assert not folder.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAccessible, match="cannot be written"), Store(tmp_path / "file").exporting(NAME):
        pass


def test_a_mirror_is_a_folder_a_bundle_or_a_url():
    assert type(open_source("http://mirror.example/models")).__name__ == "WebMirror"
    assert type(open_source("models.zip")).__name__ == "FolderMirror"
    assert type(open_source(None)).__name__ == "Hub"


@pytest.fixture
def detector(monkeypatch):
    """A detector of a few bytes, as a table of the catalogue describes one."""
    data = b"detector" * 1000
    known = {"fastestdet.onnx": File(len(data), hashlib.sha256(data).hexdigest(), "http://127.0.0.1:1/nowhere")}
    changed = {**catalog(), "fastestdet": replace(find_entry("fastestdet"), known=known)}
    for module in ("catalog", "weights"):
        monkeypatch.setattr(f"rubylith.engine.{module}.catalog", lambda: changed)
    return data


@pytest.mark.parametrize("place", ["fastestdet.onnx", "fastestdet/fastestdet.onnx"])
def test_a_mirror_may_have_a_detectors_file_bare(detector, tmp_path, place):
    (tmp_path / "share" / place).parent.mkdir(parents=True)
    (tmp_path / "share" / place).write_bytes(detector)
    store = Store(tmp_path / "models", str(tmp_path / "share"), offline=True)
    store.pull("fastestdet")
    assert (find_detector("fastestdet", store.folder) / "fastestdet.onnx").read_bytes() == detector
    assert store.installed() == ("fastestdet",)
    store.bundle(("fastestdet",), tmp_path / "b.zip")
    elsewhere = Store(tmp_path / "elsewhere", str(tmp_path / "b.zip"))
    elsewhere.pull("fastestdet")
    assert elsewhere.verify("fastestdet") == ()
    (tmp_path / "share" / place).write_bytes(detector + b"!")
    with pytest.raises(WrongDigest):
        Store(tmp_path / "again", str(tmp_path / "share")).pull("fastestdet")


def test_a_detector_comes_from_its_own_address_and_the_hubs_token_does_not_go_there(detector, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "net.onnx").write_bytes(detector)
    with host(tmp_path / "site") as site:
        entry = find_entry("fastestdet")
        file = replace(entry.known["fastestdet.onnx"], address=f"{site.url}/net.onnx")
        changed = {**catalog(), "fastestdet": replace(entry, known={"fastestdet.onnx": file})}
        for module in ("catalog", "weights"):
            monkeypatch.setattr(f"rubylith.engine.{module}.catalog", lambda: changed)
        Store(tmp_path / "models", hub="http://127.0.0.1:1", token="hf_secret").pull("fastestdet")
    assert [one.authorization for one in site.asked] == [None]


DETECTOR_FILES = {
    "config.json": b'{"model_type": "grounding-dino"}',
    "preprocessor_config.json": b"{}",
    "tokenizer.json": b"{}",
    "onnx/model.onnx": b"graph" * 1000,
    "onnx/model_fp16.onnx": b"half" * 1000,
    "onnx/model_fp16.onnx_data": b"data" * 1000,
}


def test_a_detector_of_any_words_is_pulled_file_by_file_in_the_precision_asked_for(tmp_path):
    entry = find_entry("grounding-dino-tiny")
    write_repository(tmp_path / "hub", entry.source, DETECTOR_FILES, revision=entry.revision)
    with host(tmp_path / "hub") as hub:
        store = Store(tmp_path / "models", hub=hub.url)
        home = store.pull(entry.name)
        found = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}
        assert found == {LIST, "config.json", "preprocessor_config.json", "tokenizer.json", "onnx/model.onnx"}
        assert store.find(entry.name).precisions == ("fp32",)
        assert store.lacks(entry.name, "fp16")
        store.pull(entry.name, "fp16")
        assert (home / "onnx" / "model_fp16.onnx_data").is_file()
        assert store.find(entry.name).precisions == ("fp32", "fp16")
    store.bundle((entry.name,), tmp_path / "b.zip")
    elsewhere = Store(tmp_path / "elsewhere", str(tmp_path / "b.zip"), offline=True)
    elsewhere.pull(entry.name, None)
    assert elsewhere.verify(entry.name) == ()
    with pytest.raises(NotFound, match="has no graphs of grounding-dino-tiny in int8"):
        elsewhere.pull(entry.name, "int8")


def test_a_universal_model_is_carried_in_a_bundle(tmp_path):
    store = Store(tmp_path / "models")
    store.register_export("eomt-coco-small", FIXTURES / "universal-eomt")
    store.bundle(("eomt-coco-small",), tmp_path / "b.zip")
    elsewhere = Store(tmp_path / "elsewhere", str(tmp_path / "b.zip"), offline=True)
    elsewhere.pull("eomt-coco-small", None)
    assert elsewhere.verify("eomt-coco-small") == ()
