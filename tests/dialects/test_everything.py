"""Everything, asked without a threshold, is what the operator's model means by it, whoever's address is asked."""

import base64
import json
import shutil

import numpy as np
import pytest
from tests.dialects.prodia.conftest import form, parsed
from tests.dialects.vlmrun.chats import SCHEMA, chat
from tests.engine.drawings import THRESHOLDS, drawings
from tests.engine.test_golden import GOLDEN
from tests.pictures import encoded
from tests.running import serve


@pytest.fixture(scope="module")
def picture():
    """256 pixels a side at least, as Prodia asks."""
    return encoded(np.kron(drawings()[0].pixels, np.ones((2, 2, 1), np.uint8)))


@pytest.fixture(scope="module")
def masks_found(tmp_path_factory, picture):
    """How many a model finds by its own low thresholds, per address."""
    home = tmp_path_factory.mktemp("home")
    folder = shutil.copytree(GOLDEN, home / "golden")
    page = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(page | {"everything": THRESHOLDS}))
    uri = "data:image/png;base64," + base64.b64encode(picture).decode()
    with serve(home, {"RUBYLITH_MODEL": str(folder)}) as running:
        native = running.http.post("/v1/segment", json={"image": uri}).json()
        strict = {"image": uri, "options": {"pred_iou_thresh": 0.88, "stability_score_thresh": 0.95}}
        few = running.http.post("/v1/segment", json=strict).json()
        job = running.http.post("/prodia/v2/job", files=form(picture), headers={"Accept": "multipart/form-data"})
        answer = running.http.post("/vlmrun/v1/openai/chat/completions", json=chat(image=uri)).json()
    content = json.loads(answer["choices"][0]["message"]["content"])
    (segments,) = (content[name] for name in SCHEMA["properties"])
    return {
        "strict": len(few["masks"]),
        "native": len(native["masks"]),
        "prodia": len(parsed(job).outputs),
        "vlmrun": len(segments),
    }


@pytest.mark.parametrize("door", ["prodia", "vlmrun"])
def test_every_door_takes_the_models_own_thresholds(masks_found, door):
    assert masks_found["strict"] < masks_found["native"]
    assert masks_found[door] == masks_found["native"]
