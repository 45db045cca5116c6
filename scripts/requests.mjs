// How many requests a second the running server ($BASE_URL) answers, each kind beside what answers the like with nothing around it, in
// the same run: a bare axum for the probe, nginx with the same bytes for a kept page. Signed out and signed in, kept and not kept. wrk
// asks over $CONNECTIONS connections for $LOAD_SECONDS each, in $TURNS turns, of which the median counts: figures of a shared machine
// drift, ratios of one run less. Prints the figures with their bars; only an error answer fails.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";

const { BASE_URL: base, SERVER_PID: pid, BIN: program, SERVER_DATA_DIR: data, BARE: bare } = process.env;
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 16);
const SECONDS = Number(process.env.LOAD_SECONDS ?? 4);
const TURNS = Number(process.env.TURNS ?? 3);
const DEMO = "/founder/scaling-mode?environment=demo";
const OWN = "/founder/scaling-mode?environment=this-server";
const OVERVIEW = "/api/scaling-mode/health?environment=demo&type=overview";
const work = fs.mkdtempSync(path.join(data, "..", "requests-"));
const children = [];

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function start(command, args, url) {
  children.push(spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] }));
  for (let tries = 0; tries < 100; tries++) {
    if (await fetch(url).then((answer) => answer.ok, () => false)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${command} did not answer at ${url}`);
}

/// A script of wrk: headers, and an address that is another at every request where the answer must not be kept.
function script(headers, varies) {
  const file = path.join(work, `${children.length}-${Math.random()}.lua`);
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  if (varies) {
    lines.push("local number = 0", "local seed = 0", "function setup(thread) seed = seed + 1; thread:set('seed', seed) end");
    lines.push("function request() number = number + 1; return wrk.format(nil, wrk.path .. '&number=' .. seed .. '-' .. number .. '-' .. os.clock()) end");
  }
  fs.writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

function wrk(url, { headers = {}, varies = false, connections = CONNECTIONS } = {}) {
  const args = [`-t${Math.min(2, connections)}`, `-c${connections}`, `-d${SECONDS}s`, "--latency", "-s", script(headers, varies), url];
  const said = execFileSync("wrk", args, { encoding: "utf8" });
  const failed = said.match(/Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/);
  if (failed) throw new Error(`${url}: ${failed[0]}`);
  const time = (share) => {
    const [, value, unit] = said.match(new RegExp(`^\\s+${share}%\\s+([\\d.]+)(us|ms|s)$`, "m"));
    return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit];
  };
  return { rate: Number(said.match(/Requests\/sec:\s+([\d.]+)/)[1]), p50: time(50), p99: time(99) };
}

const median = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];

/// Measures several in turn, so that a drift of the machine meets all of them.
function turns(cases) {
  const all = cases.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) cases.forEach(([, url, options], index) => all[index].push(wrk(url, options)));
  return cases.map(([name], index) => {
    const figures = Object.fromEntries(["rate", "p50", "p99"].map((key) => [key, median(all[index].map((one) => one[key]))]));
    console.log(`${name.padEnd(44)} ${String(Math.round(figures.rate)).padStart(7)} requests/s   p50 ${figures.p50.toFixed(2).padStart(7)} ms   p99 ${figures.p99.toFixed(2).padStart(7)} ms`);
    return { ...figures, rates: all[index].map((one) => one.rate) };
  });
}

/// The ratio turn by turn, and its median.
const ratio = (one, other) => median(one.rates.map((rate, index) => rate / other.rates[index]));
const bars = [];
const bar = (what, figure, wanted, is_met) => bars.push(`${is_met ? "met    " : "NOT MET"}  ${what}: ${figure} (bar ${wanted})`);
const memory = () => Math.round(Number(fs.readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024);

try {
  const idle = memory();
  const barePort = await freePort();
  await start(bare, [String(barePort)], `http://127.0.0.1:${barePort}/healthz`);
  const page = await (await fetch(base + DEMO)).text();
  fs.writeFileSync(path.join(work, "page"), page);
  const nginxPort = await freePort();
  const conf = path.join(work, "nginx.conf");
  fs.writeFileSync(
    conf,
    `${process.getuid() === 0 ? "user root; " : ""}daemon off; worker_processes auto; pid ${work}/pid; error_log stderr crit;
     events { worker_connections 1024; }
     http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=10; types {} default_type "text/html; charset=utf-8";
       server { listen 127.0.0.1:${nginxPort}; root ${work}; } }`,
  );
  await start("nginx", ["-c", conf, "-e", "stderr"], `http://127.0.0.1:${nginxPort}/page`);

  console.log(`${CONNECTIONS} connections, ${SECONDS} s, median of ${TURNS} turns; the page has ${page.length} bytes\n\nnobody signs in yet`);
  const [axum, probe, nginx, kept, overview, other] = turns([
    ["a bare axum", `http://127.0.0.1:${barePort}/healthz`],
    ["probe", `${base}/healthz`],
    ["nginx, the same bytes", `http://127.0.0.1:${nginxPort}/page`],
    ["page, kept", base + DEMO],
    ["overview as JSON", base + OVERVIEW],
    ["page, not kept", base + DEMO, { varies: true }],
  ]);
  const loaded = memory();
  const [alone, ownAlone] = turns([
    ["page, not kept, one connection", base + DEMO, { varies: true, connections: 1 }],
    ["page of this-server, not kept, one connection", base + OWN, { varies: true, connections: 1 }],
  ]);
  bar("probe beside a bare axum", ratio(probe, axum).toFixed(2), "0.7", ratio(probe, axum) >= 0.7);
  bar("kept page beside nginx", ratio(kept, nginx).toFixed(2), "0.7", ratio(kept, nginx) >= 0.7);
  bar("overview as JSON", `${Math.round(overview.rate)}/s`, "15,000/s", overview.rate >= 15_000);
  bar("page not kept", `${Math.round(other.rate)}/s`, "500/s", other.rate >= 500);
  bar("page not kept, alone, p50", `${alone.p50.toFixed(2)} ms, of this-server ${ownAlone.p50.toFixed(2)} ms`, "4 ms", Math.max(alone.p50, ownAlone.p50) <= 4);

  const password = "a founder who is measured";
  execFileSync(program, ["person", "create", "anna@example.com", "--log", "warn", "--data-dir", data], { input: `${password}\n`, stdio: ["pipe", "ignore", "inherit"] });
  const form = new URLSearchParams({ email: "anna@example.com", password });
  const signIn = () => fetch(`${base}/api/scaling-mode/forms/sign-in`, { method: "POST", body: form, redirect: "manual" });
  // The server has closed the connection that was kept since the first page.
  const signedIn = await signIn().catch(signIn);
  const cookie = signedIn.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
  const token = execFileSync(program, ["token", "create", "measured", "--scope", "health:read", "--log", "warn", "--data-dir", data], { encoding: "utf8" }).trim();
  console.log("\nsigned in");
  const headers = { Cookie: cookie };
  const [, signedOverview] = turns([
    ["page, kept", base + DEMO, { headers }],
    ["overview as JSON", base + OVERVIEW, { headers }],
    ["overview as JSON, by a token", base + OVERVIEW, { headers: { Authorization: `Bearer ${token}` } }],
    ["page, not kept", base + DEMO, { headers, varies: true }],
  ]);
  bar("overview as JSON, signed in", `${Math.round(signedOverview.rate)}/s`, "15,000/s", signedOverview.rate >= 15_000);
  bar("memory at rest", `${idle} MB`, "45 MB", idle <= 45);
  bar("memory after load", `${loaded} MB, at the end ${memory()} MB`, "80 MB", Math.max(loaded, memory()) <= 80);
  console.log(`\n${bars.join("\n")}`);
} finally {
  children.forEach((child) => child.kill());
}
