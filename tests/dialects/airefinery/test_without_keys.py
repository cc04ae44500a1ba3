"""A server that asks for no key: the client must show one, and any will do."""

from tests.dialects.airefinery.asking import ON_RED, SEGMENTATIONS, document
from tests.running import serve


def test_without_any_key_everybody_is_let_in_whatever_they_show(tmp_path):
    with serve(tmp_path) as running:
        for headers in ({}, {"Authorization": "Bearer any"}):
            known = running.http.post("/airefinery/authentication/validate", headers=headers)
            assert (known.status_code, known.json()) == (200, {"organization_id": "anonymous"})
            answer = running.http.post(SEGMENTATIONS, json=document([[ON_RED]]), headers=headers)
            assert answer.status_code == 200
