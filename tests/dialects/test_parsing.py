"""Large bodies are read beside the event loop, so that others are answered meanwhile."""

import threading
from base64 import b64encode

import pytest
from tests.running import serve

from rubylith.dialects._parsing import LARGE
from rubylith.dialects.native import bodies, routes
from rubylith.dialects.vlmrun.wire import ChatIn


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def threads(monkeypatch):
    """Names of the threads that read something."""
    seen = []

    def watch(owner, name):
        real = getattr(owner, name)

        def watched(*given, **named):
            seen.append(threading.current_thread().name)
            return real(*given, **named)

        monkeypatch.setattr(owner, name, watched)

    watch(bodies, "_validated")
    watch(bodies, "read_source")
    watch(routes, "read_request")
    watch(ChatIn, "model_validate_json")
    return seen


def is_beside(name: str) -> bool:
    return name.startswith("AnyIO")


def data_uri(size: int) -> str:
    return f"data:image/png;base64,{b64encode(bytes(size)).decode()}"


@pytest.mark.parametrize(("size", "beside"), [(1000, False), (LARGE, True)])
def test_where_a_document_with_a_picture_is_read(running, threads, size, beside):
    assert running.http.post("/v1/segment", json={"image": data_uri(size)}).status_code == 422
    assert [is_beside(name) for name in threads] == [beside, beside, False]


def test_a_large_address_in_a_form_is_read_beside(running, threads):
    running.http.post("/v1/segment", data={"image": data_uri(LARGE)}, files={"request": ("r", b"{}")})
    assert [is_beside(name) for name in threads] == [True, False, False]


def test_large_masks_are_checked_beside(running, threads):
    mask = {"size": [4000, 4000], "counts": "0" * (LARGE + 1)}
    answer = running.http.post("/v1/segment", json={"image": data_uri(10), "previous": mask, "points": [[1, 1]]})
    assert answer.status_code == 400
    assert [is_beside(name) for name in threads] == [True, True, True]


def test_a_large_chat_is_read_beside(running, threads):
    picture = {"type": "image_url", "image_url": {"url": data_uri(LARGE)}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "segment it"}, picture]}]
    running.http.post("/vlmrun/v1/openai/chat/completions", json={"model": "vlmrun-orion-1", "messages": messages})
    assert is_beside(threads[0])
