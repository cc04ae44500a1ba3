import multiprocessing
import secrets
import stat

import pytest

from rubylith.domain.errors import NotReadable
from rubylith.service.secret_files import kept


def make_and_report(path, queue):
    queue.put(kept(path, lambda: secrets.token_bytes(32)))


def test_a_secret_is_made_once_and_only_the_owner_may_read_it(tmp_path):
    path = tmp_path / "home" / "secret"
    first = kept(path, lambda: b"first")
    assert kept(path, lambda: b"second") == first == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret"]


def test_processes_that_start_at_once_agree(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=make_and_report, args=(tmp_path / "secret", queue)) for _ in range(4)]
    for process in processes:
        process.start()
    found = {queue.get(timeout=30) for _ in processes}
    for process in processes:
        process.join(10)
    assert len(found) == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReadable, match="file"):
        kept(tmp_path / "file" / "secret", lambda: b"")
