// The processes that count, and where from: processes that share an identity, a collector that restarts, two Prometheus servers for one measurement.
// Real senders against the running server ($BASE_URL). Called by sources.mjs. Everything that is started here is ended here, by its own
// process id.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

const here = import.meta.dirname;
const { BASE_URL } = process.env;
const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** A program that answers each line with "done". */
function worker(url, service, each) {
  const child = spawn(process.env.PYTHON, [join(here, "otlp_worker.py"), url, service, String(each)], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** Counts once and exports. */
    async round() {
      child.stdin.write("\n");
      assert.equal((await answers.next()).value, "done", `the worker of ${service} ended`);
    },
    async end() {
      const ended = new Promise((end) => child.once("exit", end));
      child.stdin.end();
      await ended;
    },
  };
}

/** The sum of all samples of a signal of the last hour. */
async function counted(environment, signal) {
  const at = (ms) => new Date(Date.now() + ms).toISOString();
  const query = new URLSearchParams({ environment, signal, from: at(-3_600_000), to: at(60_000) });
  const { samples } = await fetch(`${BASE_URL}/api/scaling-mode/samples?${query}`).then((answer) => answer.json());
  return samples.reduce((sum, sample) => sum + Number(sample.value.split(" ")[0].replaceAll(",", "")), 0);
}

/** The codes of what could not be counted, as the connections page has them. */
async function doubts(environment) {
  const { connections } = await fetch(`${BASE_URL}/api/scaling-mode/connections?environment=${environment}`).then((answer) => answer.json());
  return connections.flatMap((source) => source.signals.flatMap((signal) => signal.uncounted.map((one) => one.code)));
}

async function workers(environment) {
  await environment("workers");
  const all = [worker(BASE_URL, "workers", 1000), worker(BASE_URL, "workers", 10)];
  for (let round = 0; round < 4; round++) {
    for (const one of all) {
      await one.round();
      await pause(50);
    }
  }
  await Promise.all(all.map((one) => one.end()));
  // The first reading of each is where its counting begins.
  assert.equal(await counted("workers", "infra.requests"), 3 * 1010);
  // What the second one counted before is named. Its first export may come within the millisecond in which it began to count.
  const named = ["several-processes", "start-moves", "start-unknown"];
  assert.ok((await doubts("workers")).some((code) => named.includes(code)), "nobody says that two share an identity");

  // Two that count alike: what can't be distinguished is less, never more.
  await environment("twins");
  const twins = [worker(BASE_URL, "twins", 100), worker(BASE_URL, "twins", 100)];
  for (let round = 0; round < 4; round++) {
    for (const one of twins) {
      await one.round();
      await pause(50);
    }
  }
  await Promise.all(twins.map((one) => one.end()));
  const count = await counted("twins", "infra.requests");
  assert.ok(count > 0 && count <= 3 * 200, `${count} of ${3 * 200} requests`);
  assert.notDeepEqual(await doubts("twins"), []);
  console.log(`sources: processes under one identity are counted once each, ${count} of 600 where they can't be told apart`);
}

async function freePort() {
  const socket = createSocket();
  await new Promise((listening) => socket.listen(0, "127.0.0.1", listening));
  const { port } = socket.address();
  await new Promise((closed) => socket.close(closed));
  return port;
}

async function collector(work, port, unused) {
  const child = spawn(process.env.ROTEL, [
    "start",
    `--pid-file=${join(work, "rotel.pid")}`,
    `--log-file=${join(work, "rotel.log")}`,
    `--otlp-http-endpoint=127.0.0.1:${port}`,
    `--otlp-grpc-endpoint=127.0.0.1:${unused}`,
    "--exporter=otlp",
    `--otlp-exporter-endpoint=${BASE_URL}`,
    "--otlp-exporter-protocol=http",
  ], { stdio: "ignore" });
  for (let tries = 0; ; tries++) {
    if (await fetch(`http://127.0.0.1:${port}/v1/metrics`, { method: "POST", headers: { "content-type": "application/x-protobuf" }, body: "" }).then(() => true, () => false)) break;
    assert.ok(child.exitCode === null && tries < 100, "the collector is not ready");
    await pause(100);
  }
  return async () => {
    const ended = new Promise((end) => child.once("exit", end));
    child.kill("SIGTERM");
    await ended;
  };
}

/** A process that goes on while the collector before the server restarts: no count of before it counts again. */
async function collectorRestarts(environment, work) {
  if (!process.env.ROTEL || !(await access(process.env.ROTEL).then(() => true, () => false))) {
    console.error("sources: NOT TESTED: the restart of a collector, since Rotel is missing (it is there for Linux on x86_64)");
    return;
  }
  await environment("collected");
  const [port, unused] = [await freePort(), await freePort()];
  let stop = await collector(work, port, unused);
  const sender = worker(`http://127.0.0.1:${port}`, "collected", 1000);
  for (let round = 0; round < 6; round++) {
    if (round === 3) {
      await stop();
      stop = await collector(work, port, unused);
    }
    await sender.round();
    await pause(400);
  }
  await sender.end();
  await stop();
  for (let tries = 0; (await counted("collected", "infra.requests")) !== 5000 && tries < 20; tries++) await pause(500);
  assert.equal(await counted("collected", "infra.requests"), 5000);
  assert.deepEqual(await doubts("collected"), []);

  // A collector that scrapes names its own start: the first point after its restart has that start, its own time, and the whole old count.
  await environment("scraped");
  const begun = Date.now() - 300_000;
  const nanos = (ms) => `${begun + ms}000000`;
  const send = async (start, at, count) => {
    const point = { startTimeUnixNano: nanos(start), timeUnixNano: nanos(at), asInt: String(count) };
    const attribute = (key, text) => ({ key, value: { stringValue: text } });
    const resource = { attributes: [attribute("service.name", "scraped"), attribute("deployment.environment.name", "scraped")] };
    const metrics = [{ name: "scaling_mode.infra.requests", sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [point] } }];
    const body = JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] });
    const answer = await fetch(`${BASE_URL}/v1/metrics`, { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.deepEqual([answer.status, await answer.json()], [200, {}]);
  };
  await send(0, 0, 1_000_000);
  await send(0, 60_000, 1_000_060);
  await send(120_000, 120_000, 1_000_120);
  await send(120_000, 180_000, 1_000_180);
  assert.equal(await counted("scraped", "infra.requests"), 180);
  assert.deepEqual(await doubts("scraped"), []);
  console.log("sources: a collector that restarts adds no old counts");
}

/** An application whose counter was at a million before anybody scraped it. */
function application() {
  let scrapes = 0;
  const server = createServer((_, response) => {
    scrapes++;
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`# TYPE scaling_mode_infra_requests counter\nscaling_mode_infra_requests ${1_000_000 + 10 * scrapes}\n`);
  });
  return new Promise((listening) =>
    server.listen(0, "127.0.0.1", () => listening({ address: `127.0.0.1:${server.address().port}`, made: () => 10 * scrapes, close: () => server.close() })),
  );
}

async function prometheusPair(environment, work, prometheus) {
  await environment("pair");
  const scraped = await application();
  const template = await readFile(join(here, "prometheus_pair.yml"), "utf8");
  const stops = [];
  for (const replica of ["prometheus-k8s-0", "prometheus-k8s-1"]) {
    const file = join(work, `${replica}.yml`);
    await writeFile(file, template.replace("REPLICA", replica).replace("APPLICATION", scraped.address).replace("SERVER", BASE_URL));
    stops.push(await prometheus(file, await freePort(), replica));
  }
  await pause(15_000);
  await Promise.all(stops.map((stop) => stop()));
  const made = scraped.made();
  scraped.close();
  const count = await counted("pair", "infra.requests");
  assert.ok(count > made / 2 && count <= made, `${count} of ${made} requests`);
  assert.deepEqual(await doubts("pair"), []);
  console.log(`sources: a pair of Prometheus servers is one measurement, ${count} of ${made} requests`);
}

/** All of it. `environment` makes one, `prometheus` starts one. */
export async function counters(environment, work, prometheus) {
  await workers(environment);
  await collectorRestarts(environment, work);
  await prometheusPair(environment, work, prometheus);
}
