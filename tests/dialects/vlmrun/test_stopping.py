"""Whoever waits in line when the server stops is told so."""

import pytest
from tests.dialects.fal.calls import held_up
from tests.dialects.vlmrun.test_leaving import asked, until
from tests.running import serve

from rubylith.dialects.vlmrun import routes


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_that_waits_in_line_when_the_server_stops_is_told_so(tmp_path, monkeypatch, caplog, stream):
    monkeypatch.setattr(routes, "PATIENCE_SECONDS", 60.0)
    with serve(tmp_path, {"RUBYLITH_CONCURRENCY": "1"}) as running:
        scheduler = running.built.service.scheduler
        with held_up(running) as slow, asked(running):
            until(lambda: slow.begun == 1)
            with asked(running, stream=stream) as waiting:
                until(lambda: scheduler.admitted == 2)
                scheduler.close(0.0)
                waiting.settimeout(20)
                assert waiting.recv(100).startswith(b"HTTP/1.1 503")
    assert "Traceback" not in caplog.text
