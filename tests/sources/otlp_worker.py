"""One of several processes of a service that share one identity, with the real OpenTelemetry SDK: otlp_worker.py URL SERVICE EACH

Counts EACH requests a round and exports them, on each line of its standard input once; says "done" after each. What the server
should have made of it is checked by counters.mjs.
"""

import sys

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

url, service, each = sys.argv[1:]
exporter = OTLPMetricExporter(endpoint=f"{url}/v1/metrics")
provider = MeterProvider(
    metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
    resource=Resource({"service.name": service, "deployment.environment.name": service}),
    shutdown_on_exit=False,
)
requests = provider.get_meter("sources").create_counter("scaling_mode.infra.requests")
for _ in sys.stdin:
    requests.add(int(each))
    if not provider.force_flush():
        sys.exit("the export was not taken")
    print("done", flush=True)
