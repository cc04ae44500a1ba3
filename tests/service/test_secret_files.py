import secrets
import stat
import threading

import pytest

from rubylith.domain.errors import NotAccessible
from rubylith.service.secret_files import kept


def test_a_secret_is_made_once_and_only_the_owner_may_read_it(tmp_path):
    path = tmp_path / "home" / "secret"
    first = kept(path, lambda: b"first")
    assert kept(path, lambda: b"second") == first == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret"]


def test_all_that_start_at_once_agree(tmp_path):
    barrier, found = threading.Barrier(8), set()

    def start():
        barrier.wait(10)
        found.add(kept(tmp_path / "secret", lambda: secrets.token_bytes(32)))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAccessible, match="file"):
        kept(tmp_path / "file" / "secret", lambda: b"")
