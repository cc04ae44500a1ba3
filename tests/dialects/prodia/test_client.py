"""The vendor's own client, npm `prodia`: each case that it can express, and its published example."""

import re
from pathlib import Path

import pytest
from tests.dialects.prodia.conftest import CLIENT, SECRET, UUID
from tests.vendors import run_node

EXAMPLES = Path(__file__).parents[3] / "examples"


class Outcomes(dict):
    """What came of each case, by its name in the script; asked for once."""

    def __init__(self, environment):
        self.environment = environment

    def __missing__(self, case):
        self.update(run_node(CLIENT, {**self.environment, "CASES": case}))
        return self[case]


@pytest.fixture(scope="module")
def told(running, pictures):
    return Outcomes({"ADDRESS": running.address, "PICTURES": pictures})


@pytest.mark.parametrize(
    "case",
    "1|1 buffer|1 array buffer|2|3|4|5|5 odd name|5 part of a buffer|7|7 json|7 nothing|8|17 empty".split("|"),
)
def test_the_client_gets_masks_in_cases_01_to_08_and_17(told, case):
    outputs = told[case]["outputs"]
    assert outputs
    assert case in {"2", "3"} or len(outputs) == len(told["1"]["outputs"])  # those have the pixels that JPEG changes
    assert {tuple(output[:3]) for output in outputs} == {(400, 300, "image/png")}
    assert told[case]["asked"] == 1


def test_six_jobs_at_once_are_each_answered(told):
    counts = told["at once"]["outputs"]
    assert counts == [len(told["1"]["outputs"])] * 6


def test_case_09_the_client_reads_the_job(told):
    job = told["1"]["job"]
    assert re.fullmatch(UUID, job["id"])
    assert job["state"]["current"] == "completed"
    assert job["metrics"]["elapsed"] > 0
    assert told["8"]["job"]["type"] == "inference.sam2.segment.v1"


def test_case_10_the_client_is_told_that_its_token_is_invalid(told):
    for case in ("10", "no token"):
        assert told[case] == {"error": "ProdiaBadResponseError", "message": "401 token is invalid", "asked": 1}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("5 two", "input: 2 different ones"),
        ("11", "input: missing"),
        ("12", "input: "),
        ("13", "GIF"),
        ("14", "256"),
        ("15", "2048"),
        ("16", "maximum 10485760"),
        ("16 far above", "above the maximum"),
        ("17", "foo"),
        ("20", "unsupported job type"),
        ("20 words", "config.prompt: No model on this machine knows"),
    ],
)
def test_the_client_throws_a_user_error_after_one_request_in_cases_11_to_20(told, case, words):
    assert told[case]["error"] == "ProdiaUserError"
    assert words in told[case]["message"]
    assert re.search(rf"\(id: {UUID}\)$", told[case]["message"])
    assert told[case]["asked"] == 1


def test_the_client_gets_what_words_name(told):
    assert [output[:3] for output in told["words"]["outputs"]] == [[400, 300, "image/png"]]
    assert told["words"]["job"]["config"] == {"prompt": "orange object", "confidence_threshold": 0.3}


@pytest.mark.parametrize("case", ["remove background", "mask background"])
def test_the_client_gets_one_output_of_the_siblings(told, case):
    ((width, height, media_type, _),) = told[case]["outputs"]
    assert (width, height, media_type) == (400, 300, "image/png")


@pytest.mark.parametrize("case", ["ping", "slash"])
def test_the_client_pings(told, case):
    assert told[case]["outputs"] == []
    assert told[case]["job"]["state"]["current"] == "completed"


def test_the_published_example_runs_on_a_photograph(running, tmp_path):
    environment = {
        "RUBYLITH_SERVER": running.address,
        "RUBYLITH_KEY": SECRET,
        "RUBYLITH_PHOTO": str(EXAMPLES / "photo.jpg"),
    }
    script = (
        (EXAMPLES / "prodia.mjs").read_text().replace("writeFile(mask.name", f"writeFile('{tmp_path}/' + mask.name")
    )
    told = run_node(script, environment)
    count = int(told.split()[0])
    assert count >= 5
    assert {path.name for path in tmp_path.iterdir()} == {f"mask_{number}.png" for number in range(count)}
