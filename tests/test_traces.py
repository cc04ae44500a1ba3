"""Traces as a collector sees them: what `rubylith serve` sends by OTLP."""

import json
import sys

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.servers import Reply, http_site
from tests.serving import Serving
from tests.test_survival import picture, wait

from rubylith import traces
from rubylith.domain.errors import InvalidSetting

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def told(site):
    """The name of the teller and its spans, of all that was sent so far."""
    exported = [ExportTraceServiceRequest.FromString(received.body) for received in site.received]
    scopes = [scope for export in exported for resource in export.resource_spans for scope in resource.scope_spans]
    return [(scope.scope.name, scope.spans) for scope in scopes]


def test_a_request_its_wait_and_its_stages_are_one_trace_and_a_job_is_another(tmp_path):
    click = json.dumps({"points": [[20, 20]]})
    with http_site(lambda _: Reply(200)) as site:
        with Serving(tmp_path, {"RUBYLITH_OTLP_URL": site.url("/v1/traces")}) as serving, serving.client() as http:
            form = {"files": {"image": picture(0)}, "data": {"request": click}}
            answer = http.post("/v1/segment", **form, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
            assert answer.status_code == 200
            job = http.post("/v1/jobs", **form).json()["id"]
            wait(lambda: http.get(f"/v1/jobs/{job}").json()["state"] == "succeeded", 60)
            assert serving.terminate() == 0
        spans = [span for name, spans in told(site) if name == "rubylith" for span in spans]
        assert "fastapi" not in dict(told(site)), "a request is told once"
    ours = {span.name: span for span in spans if span.trace_id.hex() == TRACE}
    assert set(ours) == {"POST /v1/segment", "queue", "open", "decode", "embed", "segment", "encode"}
    request = ours["POST /v1/segment"]
    assert request.parent_span_id.hex() == PARENT
    assert ours["queue"].parent_span_id == ours["segment"].parent_span_id
    assert ours["decode"].parent_span_id == ours["embed"].span_id
    jobs = [span for span in spans if span.name == "job"]
    assert [{a.key: a.value.string_value for a in span.attributes}["rubylith.job"] for span in jobs] == [job]
    stages = {span.name for span in spans if span.trace_id == jobs[0].trace_id}
    assert stages >= {"job", "queue", "open", "segment", "encode"}


def test_without_the_extra_the_server_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InvalidSetting, match=r"rubylith\[otel\]"):
        traces.configure("http://127.0.0.1:1/v1/traces")
