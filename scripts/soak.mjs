// A steady, bounded load on the running server ($BASE_URL, started by with-server.sh on loopback): pages, readings and
// evaluations over a few connections for $SOAK_SECONDS. Fails on an error answer or when the server's memory keeps growing.
import { execFileSync } from "node:child_process";
import fs from "node:fs";

const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);
const CONNECTIONS = 8;
const MOST_REQUESTS = 1_000_000;
const GROWTH_ALLOWED = 32; // MB, from a fifth of the time on
const base = process.env.BASE_URL;

const json = (method, body) => ({ method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
const started = Date.now();
let sent = 0;
const requests = {
  "GET page": () => ["/", { headers: { accept: "text/html" } }],
  "GET overview": () => ["/api/scaling-mode/health?environment=production&type=overview", {}],
  "GET history": () => ["/api/scaling-mode/history?environment=production", {}],
  "POST telemetry": () => {
    const at = new Date().toISOString();
    const samples = [{ signal: "infra.latency", at, value: 100 + (sent % 50), unit: "ms", aggregation: "p95", count: 1000, id: `soak-${sent}` }];
    return ["/api/telemetry", json("POST", { environment: "production", source: "soak", data_through: at, samples })];
  },
  "POST evaluation": () => ["/api/scaling-mode/health", json("POST", { environment: "production" })],
};
// ten reads to a write, one evaluation in a round
const round = ["POST telemetry", "POST evaluation", ...Array(10).fill(["GET page", "GET overview", "GET history"]).flat()];

const times = Object.fromEntries(Object.keys(requests).map((name) => [name, []]));
const answers = {};
const until = started + SECONDS * 1000;

async function connection(offset) {
  for (let i = offset; Date.now() < until && sent < MOST_REQUESTS; i++) {
    const name = round[i % round.length];
    const [path, init] = requests[name]();
    sent++;
    const start = performance.now();
    const response = await fetch(base + path, { redirect: "manual", ...init });
    const text = await response.text();
    times[name].push(performance.now() - start);
    const key = `${name} ${response.status}`;
    answers[key] ??= { count: 0, text: text.slice(0, 200) };
    answers[key].count++;
    // Told to slow down: a client that behaves does so.
    if (response.status === 429) await new Promise((wake) => setTimeout(wake, 200));
  }
}

function megabytes() {
  const pid = process.env.SERVER_PID;
  const status = `/proc/${pid}/status`;
  const kb = fs.existsSync(status) ? fs.readFileSync(status, "utf8").match(/VmRSS:\s+(\d+)/)[1] : execFileSync("ps", ["-o", "rss=", "-p", pid]);
  return Math.round(Number(kb) / 1024);
}

let warm;
setTimeout(() => (warm = megabytes()), (SECONDS * 1000) / 5);
await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => connection(i * 5)));
const end = megabytes();

const at = (sorted, share) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
for (const [name, list] of Object.entries(times)) {
  const sorted = list.sort((a, b) => a - b);
  console.log(`${name.padEnd(16)} ${String(list.length).padStart(7)} requests   p50 ${at(sorted, 0.5)} ms   p99 ${at(sorted, 0.99)} ms   most ${at(sorted, 1)} ms`);
}
console.log(`${sent} requests in ${SECONDS} s; the server's memory: ${warm} MB warm, ${end} MB at the end`);

const wrong = Object.entries(answers).filter(([key]) => !/ (2\d\d|429)$/.test(key));
for (const [key, { count, text }] of wrong) console.log(`WRONG  ${key}: ${count} times, first: ${text}`);
if (wrong.length > 0) throw new Error("the server gave an error answer under a steady load");
if (Object.values(times).some((list) => list.length === 0)) throw new Error("too short: not every kind of request was sent");
if (end - warm > GROWTH_ALLOWED) throw new Error(`the server's memory grew by ${end - warm} MB`);
