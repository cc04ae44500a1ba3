"""Memory is handed back, by a neural model as by the embedded one."""

from pathlib import Path

import numpy as np
import pytest

from rubylith.domain.image import Image
from rubylith.engine import engine as module
from rubylith.engine.engine import GIVE_BACK_EVERY, Engine

TINY = str(Path(__file__).parents[1] / "fixtures" / "tiny-sam2")


@pytest.mark.parametrize("model", ["embedded", TINY])
def test_free_memory_is_handed_back_now_and_then(model, monkeypatch):
    looked, handed_back = [], []
    monkeypatch.setattr(module, "give_back", lambda: handed_back.append(len(looked)))
    engine, image = Engine(model), Image(np.full((24, 32, 3), 90, np.uint8), "digest")
    for _ in range(2 * GIVE_BACK_EVERY):
        looked.append(None)
        engine.embed(image)
    assert handed_back == [GIVE_BACK_EVERY, 2 * GIVE_BACK_EVERY]
