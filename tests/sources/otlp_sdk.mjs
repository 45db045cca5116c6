// Sends metrics with the real OpenTelemetry SDK for JavaScript, as an application would: otlp_sdk.mjs URL protobuf|json
// What the server should have made of it is checked by sources.mjs.
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { resourceFromAttributes } from "@opentelemetry/resources";

const [url, form] = process.argv.slice(2);
const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${form === "json" ? "http" : "proto"}`);
const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics` }), exportIntervalMillis: 3_600_000 });
const provider = new MeterProvider({
  readers: [reader],
  resource: resourceFromAttributes({ "service.name": `js-${form}`, "deployment.environment.name": `js-${form}` }),
});
const meter = provider.getMeter("sources");
const duration = meter.createHistogram("http.server.request.duration", { unit: "s", advice: { explicitBucketBoundaries: [0.1, 0.25, 1] } });
const posts = meter.createCounter("scaling_mode.posts.published");
meter.createObservableGauge("scaling_mode.clients.active").addCallback((result) => result.observe(9));

for (let round = 0; round < 3; round++) {
  for (let request = 0; request < 40; request++) duration.record(0.08, { "http.response.status_code": 200 });
  duration.record(0.3, { "http.response.status_code": 500 });
  posts.add(3);
  await provider.forceFlush();
  await new Promise((wake) => setTimeout(wake, 1200));
}
await provider.shutdown();
