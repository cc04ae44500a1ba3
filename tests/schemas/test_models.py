"""Whatever the model, the answer validates, or the request is refused before any picture is opened."""

import json

import jsonschema
import pytest
from tests.schemas.models import FILLED, REFUSED
from tests.schemas.scenes import CARS, EVERYTHING, NOTHING, Numbered

from rubylith.domain.errors import NothingFound, UnfillableSchema
from rubylith.schemas.filling import fill
from rubylith.schemas.planning import plan


@pytest.mark.parametrize("name", FILLED)
@pytest.mark.parametrize("scene", [CARS, EVERYTHING, NOTHING], ids=["cars", "everything", "nothing"])
def test_the_answer_validates(name, scene):
    text, model = FILLED[name]
    schema = model.model_json_schema()
    try:
        document = fill(plan(schema, text), scene, Numbered())
    except NothingFound:
        assert scene is NOTHING
        return
    jsonschema.Draft202012Validator(schema).validate(document)
    model.model_validate_json(json.dumps(document))


def test_there_are_enough_models():
    assert len(FILLED) >= 60


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_every_field(name):
    text, model, fields = REFUSED[name]
    with pytest.raises(UnfillableSchema) as refused:
        plan(model.model_json_schema(), text)
    assert refused.value.fields == fields
    assert all(field in refused.value.message for field in fields if field != "root")
