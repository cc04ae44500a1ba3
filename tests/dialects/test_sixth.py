"""A sixth vendor: one new file and one name in `dialects.NAMES`, and nothing else."""

import sys
from types import ModuleType

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from tests.running import serve

from rubylith import dialects
from rubylith.dialects import Dialect


def application(service):
    app = FastAPI()

    @app.get("/models")
    def models():
        return [state.name for state in service.models()]

    return app


def test_a_new_dialect_is_one_file_and_one_name(monkeypatch, tmp_path):
    acme = ModuleType("rubylith.dialects.acme")
    acme.DIALECT = Dialect("/acme", application, lambda limit: PlainTextResponse(f"over {limit}", 413))
    monkeypatch.setitem(sys.modules, acme.__name__, acme)
    monkeypatch.setattr(dialects, "NAMES", (*dialects.NAMES, "acme"))
    with serve(tmp_path, {"RUBYLITH_MAX_BODY": "1000"}) as running:
        assert "embedded" in running.http.get("/acme/models").json()
        refused = running.http.post("/acme/models", content=b"x" * 2000)
        assert (refused.status_code, refused.text) == (413, "over 1000")
        assert running.http.get("/v1/models").status_code == 200
