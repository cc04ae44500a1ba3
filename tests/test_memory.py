"""Memory that is said to be given back is given back to the machine."""

import os
import sys
from pathlib import Path

import pytest
from tests.pictures import encoded, scene
from tests.serving import Serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PICTURES, HEIGHT, WIDTH = 12, 1200, 1600


def resident(pid):
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def held(http):
    """Bytes that embeddings take, as the server counts them."""
    [line] = [line for line in http.get("/metrics").text.splitlines() if line.startswith("rubylith_embedding_bytes ")]
    return float(line.split()[1])


def test_unloading_a_model_gives_its_memory_back(tmp_path):
    with Serving(tmp_path, {"RUBYLITH_CONCURRENCY": "1"}) as serving, serving.client() as http:
        for number in range(PICTURES):
            data = encoded(scene(HEIGHT, WIDTH + number), "JPEG", quality=60)
            answer = http.post("/v1/embeddings", content=data, headers={"Content-Type": "image/jpeg"})
            assert answer.status_code == 201
        full = resident(serving.pid)
        assert held(http) > 0
        assert http.post("/v1/models/embedded/unload").status_code == 200
        assert held(http) == 0
        assert full - resident(serving.pid) > 0.8 * PICTURES * HEIGHT * WIDTH * 3
