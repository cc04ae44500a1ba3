"""What `/metrics` shows: requests, their time, what waits, models and cache. One registry per server."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from rubylith.engine.embeddings import CacheFigures

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
STAGE_BUCKETS = (0.001, *LATENCY_BUCKETS)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters that grow, and gauges that are read when somebody looks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "rubylith_requests", "Answers by route and status", ["route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "rubylith_request_seconds",
            "Time from first byte in to last byte out",
            ["route"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "rubylith_stage_seconds",
            "Time of each stage of the work on a picture",
            ["stage", "model"],
            buckets=STAGE_BUCKETS,
            registry=self.registry,
        )
        self.webhooks = Counter("rubylith_webhooks", "Attempts by outcome", ["outcome"], registry=self.registry)
        # To find the series of some labels costs as much as to count; those of a request are kept.
        self._requests_of = cache(self.requests.labels)
        self._latency_of = cache(self.latency.labels)
        self._stages_of = cache(self.stages.labels)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. route: a template, for each is a series."""
        self._requests_of(route, str(status)).inc()
        self._latency_of(route).observe(seconds)

    def worked(self, timings: Mapping[str, float], model: str) -> None:
        """Note how long each stage of the work on a picture took, in seconds."""
        for stage, seconds in timings.items():
            self._stages_of(stage, model).observe(seconds)

    def watch(
        self,
        *,
        admitted: Callable[[], int],
        cache: Callable[[], CacheFigures],
        models: Callable[[], tuple[str, ...]],
        jobs: Callable[[], dict[str, int]],
    ) -> None:
        """Read these when `/metrics` is asked for. jobs: how many are in each state that has not ended."""
        self.registry.register(_Gauges(admitted, cache, models, jobs))

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


class _Gauges:
    def __init__(
        self,
        admitted: Callable[[], int],
        cache: Callable[[], CacheFigures],
        models: Callable[[], tuple[str, ...]],
        jobs: Callable[[], dict[str, int]],
    ) -> None:
        self._admitted, self._cache, self._models, self._jobs = admitted, cache, models, jobs

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("rubylith_admitted", "Requests that run or wait for a thread", self._admitted())
        figures = self._cache()
        yield GaugeMetricFamily("rubylith_embeddings", "Embeddings held", figures.held)
        yield GaugeMetricFamily("rubylith_embedding_bytes", "Memory they take", figures.held_bytes)
        looks = CounterMetricFamily("rubylith_embedding_looks", "Embeddings asked for", labels=["outcome"])
        looks.add_metric(["hit"], figures.hits)
        looks.add_metric(["miss"], figures.misses)
        yield looks
        loaded = GaugeMetricFamily("rubylith_model_loaded", "1 for each model in memory", labels=["model"])
        for model in self._models():
            loaded.add_metric([model], 1)
        yield loaded
        waiting = GaugeMetricFamily("rubylith_jobs", "Jobs that have not ended, by state", labels=["state"])
        for state, count in self._jobs().items():
            waiting.add_metric([state], count)
        yield waiting
