"""Universal models on PyTorch, from folders that transformers wrote; and written by `rubylith models export`."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")
pytest.importorskip("scipy", reason="transformers wants SciPy for these models (extra `torch`)")

from tests.reference.universal import PICTURES, SIDE, UNIVERSAL, expected, picture

from rubylith.domain.errors import UnknownName
from rubylith.domain.prompt import Mode, Scene
from rubylith.engine.engine import Engine
from rubylith.engine.universal import panoptic_segments, semantic_segments
from rubylith.engine.weights import Store
from rubylith.service.exports import export_model

pytestmark = pytest.mark.torch
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module", params=UNIVERSAL)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    path = tmp_path_factory.mktemp(family)
    UNIVERSAL[family]().save_pretrained(path)
    (path / "preprocessor_config.json").write_text(f'{{"size": {{"height": {SIDE}, "width": {SIDE}}}}}')
    return path


@pytest.mark.parametrize("name", PICTURES)
def test_segments_are_those_of_transformers_image_processors(family, folder, name):
    engine, image = Engine(str(folder)), picture(name)
    seen, reading = engine.embed(image).features, engine._segmenter._reading
    told = expected(family, (seen.names, seen.masks), (image.size.height, image.size.width))
    found = panoptic_segments(seen, image.size, reading, frozenset())
    assert [one.name for one in found] == told["names"].tolist()
    assert found
    for one, bitmap in zip(found, told["panoptic"], strict=True):
        assert np.count_nonzero(one.bitmap != bitmap) <= 2
    if family != "eomt" or name == "square":
        classes = np.zeros((image.size.height, image.size.width), int)
        for one in semantic_segments(seen, image.size, reading):
            classes[one.bitmap] = one.name
        assert (classes != told["semantic"]).mean() < 1e-3


def test_an_export_in_int8_is_refused(folder, tmp_path):
    store = Store(tmp_path / "models")
    with pytest.raises(UnknownName, match=r"no universal export precision called 'int8'.*fp32"):
        export_model(
            store, str(tmp_path / "my"), str(folder), precision="int8", say=lambda _: None, report=lambda *_: None
        )
    assert not (tmp_path / "my").exists()


def test_what_is_exported_answers_as_the_folder_does(folder, tmp_path):
    store = Store(tmp_path / "models")
    home, differences = export_model(
        store, str(tmp_path / "mine"), str(folder), say=lambda _: None, report=lambda *_: None
    )
    assert max(differences.values()) < 1e-3
    exported, whole = Engine(str(home)), Engine(str(folder))
    for mode in (Mode.PANOPTIC, Mode.SEMANTIC):
        mine, theirs = (one.segment(picture("wide"), Scene(mode)).masks for one in (exported, whole))
        assert [mask.label.name for mask in mine] == [mask.label.name for mask in theirs]
        assert all((a.bitmap() != b.bitmap()).mean() < 1e-3 for a, b in zip(mine, theirs, strict=True))
