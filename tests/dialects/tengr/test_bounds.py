"""What an artwork may cost: texts have limits, links to results are not looked up, headers are reckoned once."""

import pytest
from tests.dialects.tengr.artworks import POINTS, TEXT, fetched

from rubylith.service.access import Access


@pytest.mark.parametrize(("field", "most"), [("textPrompt", 4096), ("imageUrl", 8192)])
def test_texts_have_a_limit(tengr, field, most):
    answer = tengr.http.post("/v2/artworks/segmentation", json=TEXT | {field: "http://x/" + "a" * most})
    assert answer.status_code == 400
    assert answer.json()["message"] == f"{field} must be shorter than or equal to {most} characters"


def test_links_to_results_are_not_looked_up(tengr, running, monkeypatch):
    made = tengr.made(**POINTS)

    def looked_up(*_, **__):
        raise AssertionError

    monkeypatch.setattr(running.built.service.files.objects, "url", looked_up)
    assert made in tengr.http.get("/v2/artworks").json()
    assert fetched(made["results"][0]).status_code == 200


def test_an_id_may_be_in_capitals(tengr):
    made = tengr.create(**POINTS)
    assert tengr.get(made["id"].upper())["id"] == made["id"]


def test_the_rate_is_reckoned_once_an_answer(tengr, monkeypatch):
    asked, allowance = [], Access.allowance

    def counted(*arguments):
        asked.append(1)
        return allowance(*arguments)

    monkeypatch.setattr(Access, "allowance", counted)
    assert tengr.http.get("/v2/artworks").status_code == 200
    assert len(asked) == 1
