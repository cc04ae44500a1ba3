"""Traces of requests, their wait and their stages, by OTLP over HTTP. Without the extra `otel` there are none."""

from collections.abc import Callable

from rubylith import __version__
from rubylith.domain.errors import InvalidSetting


def configure(url: str) -> Callable[[], None]:
    """Send traces there from now on; gives what sends the last ones. InvalidSetting without the packages for it."""
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise InvalidSetting(
            "RUBYLITH_OTLP_URL is set, but the packages that send traces are not installed",
            "Install rubylith[otel], or leave the variable out",
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "rubylith", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    trace.set_tracer_provider(provider)
    return provider.shutdown
