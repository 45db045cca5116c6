// What other systems push arrives as what it is: the real OpenTelemetry SDKs for Python and JavaScript, Tenzir and a real
// Prometheus send to the running server ($BASE_URL), and the inputs of an evaluation are held to what they sent.
// Called by scripts/sources.sh. Everything that is started here is ended here, by its own process id.
import { strict as assert } from "node:assert";
import { execFile, spawn } from "node:child_process";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { counters } from "./counters.mjs";

const run = promisify(execFile);
const here = import.meta.dirname;
const { BASE_URL, BIN, SERVER_DATA_DIR } = process.env;
const work = await mkdtemp(join(tmpdir(), "sources-"));

async function environment(name) {
  await run(BIN, ["environment", "create", name, "--kind", "live", "--mode", "pilot", "--data-dir", SERVER_DATA_DIR]);
}

/** The inputs of a fresh evaluation, by signal and window. */
async function inputs(environment) {
  const response = await fetch(`${BASE_URL}/api/scaling-mode/health`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ environment }),
  });
  assert.equal(response.status, 200);
  const snapshot = await response.json();
  return (signal, window) => snapshot.inputs.find((input) => input.signal === signal && input.window.name === window);
}

/** At least so many were counted: the window reaches back over what nobody has vouched for. */
function atLeast(input, count, source) {
  assert.equal(input.state, "partial", JSON.stringify(input));
  assert.equal(input.source, source);
  assert.equal(Number(input.value.lo), count, JSON.stringify(input));
  assert.equal(input.value.hi, null);
}

async function sdks() {
  for (const name of ["python-cumulative", "python-delta", "js-protobuf", "js-json"]) await environment(name);
  const [python, node] = [process.env.PYTHON, process.execPath];
  await Promise.all([
    run(python, [join(here, "otlp_sdk.py"), BASE_URL, "cumulative"]),
    run(python, [join(here, "otlp_sdk.py"), BASE_URL, "delta"]),
    run(node, [join(here, "otlp_sdk.mjs"), BASE_URL, "protobuf"]),
    run(node, [join(here, "otlp_sdk.mjs"), BASE_URL, "json"]),
  ]);
  // A cumulative counter is counted from its first reading on, and the first that was counted may in part have happened
  // before the window: certain is what came after it.
  for (const [name, rounds, clients] of [["python-cumulative", 1, 12], ["python-delta", 2, 12], ["js-protobuf", 1, 9], ["js-json", 1, 9]]) {
    const input = await inputs(name);
    atLeast(input("infra.requests", "last_hour"), 41 * rounds, name);
    atLeast(input("infra.errors", "last_hour"), rounds, name);
    atLeast(input("posts.published", "trailing"), 3 * rounds, name);
    assert.deepEqual(input("clients.active", "latest").value, { lo: clients, hi: clients });
    assert.equal(input("infra.latency", "last_hour").source, name);
  }
  const input = await inputs("python-delta");
  // Two rounds at 0.0035 dollars; 7 tokens of a model without a price.
  const spend = input("ai.spend", "trailing");
  assert.equal(Number(spend.value.lo), 0.007, JSON.stringify(spend));
  assert.match(spend.note, /no price for unpriced-9/);
  assert.equal(input("infra.cpu", "last_hour").source, "python-delta");
  console.log("sources: the OpenTelemetry SDKs for Python and JavaScript are understood");
}

/**
 * Remote write 2.0 by a client that others have written and published. Prometheus itself of the version that distributions
 * have speaks 1.0 only.
 */
async function remoteWrite2() {
  const tenzir = process.env.TENZIR;
  if (!(await access(tenzir).then(() => true, () => false))) {
    console.error(`sources: NOT TESTED: remote write 2.0 by a published client, since ${tenzir} is missing (it is there for Linux on x86_64)`);
    return;
  }
  await environment("tenzir");
  // A point each minute over more than an hour, the last two minutes back, and a restart of the process in the middle.
  // Whole seconds: Tenzir rounds fractions, so that a point may come a millisecond before its minute.
  const last = Math.floor(Date.now() / 1000) * 1000 - 2 * 60_000;
  const events = [];
  for (let back = 70; back >= 0; back--) {
    const since = back > 30 ? 70 - back : 30 - back;
    const at = new Date(last - back * 60_000).toISOString();
    const event = (metric, type, value, labels) => {
      const all = Object.entries({ job: "shop", instance: "shop-1", ...labels }).map(([name, text]) => `${name}: "${text}"`);
      events.push(`{metric: "${metric}", type: "${type}", value: ${value}.0, timestamp: ${at}, labels: {${all.join(", ")}}}`);
    };
    event("shop_requests_total", "counter", 100 + 50 * since, { code: "200" });
    event("shop_requests_total", "counter", 3 + 2 * since, { code: "503" });
    event("scaling_mode_clients_active", "gauge", 40 + (back % 3), {});
  }
  const target = `${BASE_URL}/api/v1/write?environment=tenzir`;
  // Tenzir listens on an address that other machines reach, so it needs a token where a program of this user needs none.
  const created = await run(BIN, ["token", "create", "tenzir", "--scope", "telemetry:write", "--environment", "tenzir", "--data-dir", SERVER_DATA_DIR]);
  const [token] = created.stdout.match(/sm_\w+/);
  const send = (options) => run(tenzir, ["--bare-mode", `from ${events.join(", ")}\nto_prometheus "${target}", ${options}`], { timeout: 60_000 });
  const options = 'protobuf_message="io.prometheus.write.v2.Request", max_retry_count=0';
  const refused = await send(options).then(() => "", (error) => `${error.stdout}${error.stderr}`);
  assert.match(refused, /401/, "what listens to other machines was let in without a token");
  const authorized = `${options}, headers={Authorization: "Bearer ${token}"}`;
  // Within the hour: 59 minutes of growth, and the minute of the restart, which counts what the new process says.
  const [requests, errors] = [59 * 52 + 103, 59 * 2 + 3];
  const stored = async () => {
    const input = await inputs("tenzir");
    for (const [signal, count] of [["infra.requests", requests], ["infra.errors", errors]]) {
      const found = input(signal, "last_hour");
      assert.equal(found.source, "shop");
      assert.equal(found.state, "known", JSON.stringify(found));
      assert.deepEqual(found.value, { lo: count, hi: count }, JSON.stringify(found));
    }
    assert.deepEqual(input("clients.active", "latest").value, { lo: 40, hi: 40 });
    return input("infra.requests", "last_hour").samples;
  };
  await send(authorized);
  const samples = await stored();
  await send(authorized);
  assert.equal(await stored(), samples, "what was delivered again was stored again");
  console.log(`sources: remote write 2.0 by Tenzir is understood, ${requests} requests and ${errors} errors, over a restart, once`);
}

/** An application that Prometheus scrapes: counters and a histogram that grow by known steps. */
function application() {
  let scrapes = 0;
  const server = createServer((_, response) => {
    scrapes++;
    const duration = "http_server_request_duration_seconds";
    const of = (code, le, count) => `${duration}_bucket{http_response_status_code="${code}",le="${le}"} ${count}\n`;
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(
      `# TYPE ${duration} histogram\n` +
        of(200, "0.1", 9 * scrapes) + of(200, "0.5", 10 * scrapes) + of(200, "+Inf", 10 * scrapes) +
        `${duration}_sum{http_response_status_code="200"} ${scrapes}\n${duration}_count{http_response_status_code="200"} ${10 * scrapes}\n` +
        of(500, "0.1", 0) + of(500, "0.5", scrapes) + of(500, "+Inf", scrapes) +
        `${duration}_sum{http_response_status_code="500"} ${scrapes}\n${duration}_count{http_response_status_code="500"} ${scrapes}\n` +
        `# TYPE scaling_mode_clients_active gauge\nscaling_mode_clients_active 11\n` +
        `# TYPE app_posts_total counter\napp_posts_total ${2 * scrapes}\n`,
    );
  });
  return new Promise((listening) =>
    server.listen(0, "127.0.0.1", () => listening({ address: `127.0.0.1:${server.address().port}`, scrapes: () => scrapes, close: () => server.close() })),
  );
}

async function prometheus(configuration, port, folder = "prometheus") {
  const child = spawn(process.env.PROMETHEUS, [
    `--config.file=${configuration}`,
    `--storage.tsdb.path=${join(work, folder)}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ], { stdio: "ignore" });
  for (let tries = 0; tries < 100; tries++) {
    if (await fetch(`http://127.0.0.1:${port}/-/ready`).then((answer) => answer.ok, () => false)) break;
    assert.equal(child.exitCode, null, "Prometheus ended");
    await pause(100);
  }
  return async () => {
    const ended = new Promise((end) => child.once("exit", end));
    child.kill("SIGTERM");
    await ended;
  };
}

/** Until it is true: what is asked every few seconds has come within a minute. */
async function eventually(check) {
  for (let tries = 0; ; tries++) {
    try {
      return await check();
    } catch (error) {
      if (tries === 30) throw error;
      await pause(2_000);
    }
  }
}

const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

const connections = (environment) => fetch(`${BASE_URL}/api/scaling-mode/connections?environment=${environment}`).then((answer) => answer.json());

/** The queries while nothing answers there. */
async function isFailing() {
  await environment("pulled");
  const ask = new URLSearchParams({ environment: "pulled", source: "metrics" });
  assert.equal((await fetch(`${BASE_URL}/api/scaling-mode/forms/ask-source`, { method: "POST", body: ask })).status, 200);
  const [source] = (await connections("pulled")).connections;
  assert.equal(source.state, "failing");
  assert.equal(source.failure.code, "unreachable");
}

/** It has asked by itself since Prometheus answers, over its restart. An empty result is unknown, never zero. */
async function pulled() {
  const [source] = (await connections("pulled")).connections;
  assert.equal(source.failure, null);
  const input = await inputs("pulled");
  for (const signal of ["infra.requests", "infra.errors", "infra.latency"]) {
    assert.equal(input(signal, "last_hour").source, "metrics", signal);
    assert.equal(input(signal, "last_hour").state, "partial", signal);
  }
  const [requests, errors] = ["infra.requests", "infra.errors"].map((signal) => Number(input(signal, "last_hour").value.lo));
  assert.ok(errors > 0 && requests === 11 * errors, `${requests} requests, ${errors} errors: ${JSON.stringify(input("infra.requests", "last_hour"))}`);
  assert.deepEqual(input("clients.active", "latest").value, { lo: 11, hi: 11 });
  assert.equal(input("posts.published", "trailing").state, "missing");
  console.log(`sources: Prometheus is asked, ${requests} requests are certain`);
}

async function remoteWrite() {
  await environment("prometheus");
  const scraped = await application();
  const configuration = join(work, "prometheus.yml");
  const template = await readFile(join(here, "prometheus.yml"), "utf8");
  await writeFile(configuration, template.replace("APPLICATION", scraped.address).replace("SERVER", BASE_URL));
  await isFailing();
  const port = process.env.PROMETHEUS_PORT;
  let stop = await prometheus(configuration, port);
  await pause(10_000);
  // Restarted meanwhile: it goes on from its log, and nothing is counted twice.
  await stop();
  stop = await prometheus(configuration, port);
  await pause(15_000);
  await eventually(pulled);
  await stop();
  const scrapes = scraped.scrapes();
  scraped.close();
  const input = await inputs("prometheus");
  const requests = input("infra.requests", "last_hour");
  assert.equal(requests.source, "shop");
  const rounds = Number(requests.value.lo) / 11;
  // Prometheus sends from a few seconds after its start on, until its end. Of what it sends the first only marks the beginning,
  // and what follows is certain from the next one on; what was scraped around the restart is in the counters all the same.
  assert.ok(Number.isInteger(rounds) && rounds > scrapes / 2 && rounds <= scrapes - 2, `${rounds} rounds of ${scrapes} scrapes`);
  assert.equal(Number(input("infra.errors", "last_hour").value.lo), rounds);
  assert.equal(Number(input("posts.published", "trailing").value.lo), 2 * rounds);
  assert.deepEqual(input("clients.active", "latest").value, { lo: 11, hi: 11 });
  console.log(`sources: Prometheus' remote write is understood, ${rounds} of ${scrapes} scrapes are certain, over a restart`);
}

try {
  await sdks();
  await remoteWrite2();
  await remoteWrite();
  await counters(environment, work, prometheus);
} finally {
  await rm(work, { recursive: true, force: true });
}
