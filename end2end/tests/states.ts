// The environments that specs and screenshots look at, made once, each in a state that a founder may find: frozen, stale,
// measured, in trouble; and empty ones that a single spec acts in.
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Environments of one spec's own, for each of the two projects. */
export const OF_A_SPEC = ["keyboard", "live", "timeline", "what-if"].flatMap((spec) => [`${spec}-javascript`, `${spec}-no-javascript`]);
/** States to look at. Nothing acts in them once they are made. */
export const STATES = ["frozen", "stale", "measured", "trouble"] as const;

/** The program that serves, for what only its command line does. */
export const program = () => process.env.BIN ?? join(process.env.CARGO_TARGET_DIR ?? "../target", "ci", "scaling-mode");

export const create = (name: string, mode = "lab") =>
  execFileSync(program(), ["environment", "create", name, "--kind", "live", "--mode", mode, "--data-dir", process.env.SERVER_DATA_DIR!]);

async function call(method: string, path: string, body: unknown) {
  const response = await fetch(`${process.env.BASE_URL}${path}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
export const put = (body: Record<string, unknown>) => call("PUT", "/api/scaling-mode/config", body);
export const evaluate = (environment: string) => call("POST", "/api/scaling-mode/health", { environment });

/** All that a small business has, up to a moment: 12 clients, and a service with so many errors in 5,000 requests an hour. */
export async function send(environment: string, through: number, errors: number, critical: number) {
  const at = (ago: number) => new Date(through - ago).toISOString();
  const gauge = (signal: string, value: number, unit: string, more = {}) => ({ signal, at: at(0), value, unit, ...more });
  const batch = (source: string, ago: number, samples: unknown[]) =>
    call("POST", "/api/telemetry", { environment, source, covers_from: at(ago), data_through: at(0), samples });
  await batch("crm", MINUTE, [
    gauge("clients.active", 12, "clients"),
    gauge("clients.at_risk", 1, "clients"),
    ...Object.entries({ critical, warning: 1, info: 3 }).map(([severity, value]) => gauge("warnings.open", value, "events", { severity })),
  ]);
  await batch("billing", 24 * HOUR, [gauge("posts.published", 84, "posts"), gauge("ai.spend", 21.4, "USD")]);
  const hours = [HOUR, 0].map((ago) => [
    { signal: "infra.requests", at: at(ago), value: 5000, unit: "requests" },
    { signal: "infra.errors", at: at(ago), value: errors, unit: "requests" },
    { signal: "infra.latency", at: at(ago), value: 240, unit: "ms", aggregation: "p95", count: 5000 },
  ]);
  await batch("monitoring", 2 * HOUR, hours.flat());
  const minutes = Array.from({ length: 60 }, (_, minute) => ({ signal: "infra.cpu", at: at(minute * MINUTE), value: 34, unit: "percent" }));
  await batch("host", HOUR, minutes);
}

/** Makes them all, in a store of the suite's own only. */
export default async function make() {
  if (!process.env.SERVER_DATA_DIR || !process.env.BASE_URL) return;
  for (const name of OF_A_SPEC) create(name);
  for (const name of [...STATES, "asked", "added"]) create(name, "pilot");
  const now = Date.now();
  await put({ environment: "frozen", action: "freeze", reason: "invoices look wrong" });
  await send("stale", now - 72 * HOUR, 3, 0);
  await send("measured", now, 3, 0);
  await send("trouble", now, 900, 2);
  for (const name of STATES) await evaluate(name);
  // Its one source does not answer, as the settings of the suite have it.
  const asked = await fetch(`${process.env.BASE_URL}/api/scaling-mode/forms/ask-source`, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: "environment=asked&source=metrics",
  });
  if (!asked.ok) throw new Error(`asking a source: ${asked.status} ${await asked.text()}`);
  // A source that a founder has added; no variable holds its address.
  await call("POST", "/api/scaling-mode/sources", {
    environment: "added",
    action: "add",
    name: "warehouse",
    kind: "postgres",
    url_env: "SCALING_MODE_SOURCE_WAREHOUSE",
    signal: [{ signal: "clients.active", query: "SELECT now() AS at, count(*) AS value FROM clients" }],
  });
}
