"""What OpenAPI says is what is answered: requests drawn from the document itself, right and wrong ones."""

import itertools

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.running import serve

# Requests are drawn without this library's pytest plugin, which pytest 9 has left behind.
pytestmark = pytest.mark.filterwarnings("ignore")  # of the generator; a warning of the server is none of its answers
CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
EXAMPLES = 6
TAKE_ANYTHING = {"/problems", "/problems/{name}", "/uploads/{file_id}"}  # there is no request that is malformed


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    environment = {"RUBYLITH_MAX_PIXELS": "1000000", "RUBYLITH_KEYS": "key"}
    with serve(tmp_path_factory.mktemp("home"), environment) as running:
        document = schemathesis.openapi.from_url(f"{running.address}/v1/openapi.json")
        yield [found.ok() for found in document.get_all_operations()]


def test_every_answer_is_one_that_the_document_names(operations):
    assert len(operations) >= 14
    for operation, mode in itertools.product(operations, schemathesis.GenerationMode):
        if mode is schemathesis.GenerationMode.NEGATIVE and operation.path.removeprefix("/v1") in TAKE_ANYTHING:
            continue

        @seed(3)
        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case):
            case.call_and_validate(headers={"Authorization": "Bearer key"}, timeout=60, checks=CHECKS)

        answers()
