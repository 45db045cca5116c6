"""Sends metrics with the real OpenTelemetry SDK for Python, as an application would: otlp_sdk.py URL cumulative|delta

Every kind of instrument: a histogram of request durations, a counter, gauges, processor time by state, tokens by model.
What the server should have made of it is checked by sources.mjs.
"""

import sys
import time

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

url, temporality = sys.argv[1:]
is_delta = temporality == "delta"
preferred = AggregationTemporality.DELTA if is_delta else AggregationTemporality.CUMULATIVE
exporter = OTLPMetricExporter(
    endpoint=f"{url}/v1/metrics",
    compression=Compression.Gzip,
    preferred_temporality={Counter: preferred, Histogram: preferred},
)
# One service uses plain histograms, the other exponential ones.
views = [View(instrument_name="http.server.request.duration", aggregation=ExponentialBucketHistogramAggregation())]
provider = MeterProvider(
    metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
    resource=Resource.create(
        {"service.name": f"python-{temporality}", "deployment.environment.name": f"python-{temporality}"}
    ),
    views=views if is_delta else [],
)
meter = provider.get_meter("sources")
duration = meter.create_histogram("http.server.request.duration", unit="s")
tokens = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
posts = meter.create_counter("scaling_mode.posts.published")
meter.create_observable_gauge("scaling_mode.clients.active", callbacks=[lambda _: [Observation(12)]])
meter.create_observable_gauge(
    "system.cpu.utilization",
    unit="1",
    callbacks=[lambda _: [Observation(0.75, {"cpu": "0", "state": "idle"}), Observation(0.25, {"cpu": "0", "state": "user"})]],
)


def work():
    for _ in range(40):
        duration.record(0.08, {"http.request.method": "GET", "http.response.status_code": 200})
    duration.record(0.3, {"http.request.method": "GET", "http.response.status_code": 503})
    posts.add(3)
    tokens.record(1000, {"gen_ai.request.model": "large-1", "gen_ai.token.type": "input"})
    tokens.record(100, {"gen_ai.request.model": "large-1", "gen_ai.token.type": "output"})


# The count before the first export is where counting begins for a cumulative counter.
for _ in range(3):
    work()
    assert provider.force_flush(), "the server did not take the export"
    time.sleep(1.2)
tokens.record(7, {"gen_ai.request.model": "unpriced-9", "gen_ai.token.type": "input"})
provider.shutdown()
