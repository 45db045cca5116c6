// Runs commands side by side and shows how far cargo is, in one line: progress.mjs TITLE NAME COMMAND... [:: NAME COMMAND...]
// On a terminal that line is rewritten; elsewhere there is one every 15 seconds. Warnings and errors pass through as they are.
// Ends with the exit code of the first command that failed; the others are ended then.
import { spawn } from "node:child_process";
import os from "node:os";

const EVERY = 15_000; // milliseconds between lines that aren't rewritten
const isTerminal = process.stderr.isTTY === true;
// Lines of cargo that only say that it is at work.
const AT_WORK = /^ *(Adding|Blocking|Checking|Compiling|Dirty|Documenting|Downloaded|Downloading|Finished|Fresh|Locking|Updating|Waiting) /;
const BUILDING = /^ *Building \[[^\]]*\] *(\d+)\/(\d+)(?:: *(.*))?$/;
const FETCHING = /^ *(?:Fetch|Updating|Downloading) \[/;

const [title, ...rest] = process.argv.slice(2);
const commands = [[]];
for (const word of rest) word === "::" ? commands.push([]) : commands.at(-1).push(word);
if (!title || commands.some((command) => command.length < 2)) throw new Error("usage: progress.mjs TITLE NAME COMMAND... [:: NAME COMMAND...]");

const started = Date.now();
const elapsed = () => {
  const seconds = Math.round((Date.now() - started) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
};
const tasks = commands.map(([name, command, ...words]) => ({ name, command, words, now: "", count: "", isDone: false }));

let shown = "";
let isMessage = false;
function clear() {
  if (isTerminal && shown) process.stderr.write("\r\x1b[K");
}
function show(isForced = false) {
  const open = tasks.filter((task) => !task.isDone);
  const line = `${title}, ${elapsed()}: ${open.map((task) => [task.name, task.count, task.now].filter(Boolean).join(" ")).join("; ")}`;
  if (isTerminal) {
    clear();
    shown = line.slice(0, (process.stderr.columns || 80) - 1);
    process.stderr.write(shown);
  } else if (isForced && line !== shown) {
    shown = line;
    process.stderr.write(`    ${line}\n`);
  }
}
function pass(line) {
  clear();
  process.stderr.write(`${line}\n`);
  if (isTerminal) show();
}

/// One line of a command's output. Cargo rewrites its own line, too: what is read here is what stood on the screen.
function read(task, line, isComplete = true) {
  const bare = line.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").trimEnd();
  const building = bare.match(BUILDING);
  if (building) {
    const [, done, all, names] = building;
    // A crate that is built for another reason is listed with its kind in brackets: the name is enough.
    task.count = `${done} of ${all} steps`;
    task.now = names ? `(${names.replace(/\((bin|build|build\.rs|lib|test)\)/g, "").replace(/\s+,/g, ",").trim()})` : "";
    if (isTerminal) show();
  } else if (FETCHING.test(bare)) {
    task.now = "(downloading)";
  } else if (AT_WORK.test(bare)) {
    isMessage = false;
  } else if (bare.trim() || (isMessage && isComplete)) {
    // An empty line is part of a message, or only where a line of progress was.
    isMessage = bare.trim() !== "";
    pass(isTerminal ? line : bare);
  }
}

// Each command leads a group of its own, so that its compilers end with it.
function stop(task, signal) {
  try {
    if (!task.isDone && task.child.pid) process.kill(-task.child.pid, signal);
  } catch {
    // It has just ended by itself.
  }
}

let failed = null;
const env = {
  ...process.env,
  CARGO_TERM_PROGRESS_WHEN: "always",
  CARGO_TERM_PROGRESS_WIDTH: "120",
  ...(isTerminal && !process.env.NO_COLOR && { CARGO_TERM_COLOR: process.env.CARGO_TERM_COLOR ?? "always" }),
};
for (const task of tasks) {
  const child = spawn(task.command, task.words, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  task.child = child;
  for (const stream of [child.stdout, child.stderr]) {
    let left = "";
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      const lines = (left + text).split(/(\r?\n|\r)/);
      left = lines.pop();
      for (let place = 0; place < lines.length; place += 2) read(task, lines[place], lines[place + 1].endsWith("\n"));
    });
    stream.on("end", () => left && read(task, left));
  }
  child.on("error", (error) => end(task, 127, error.message));
  child.on("close", (code, signal) => end(task, code ?? 128 + (os.constants.signals[signal] ?? 0)));
}
function end(task, code, message) {
  if (task.isDone) return;
  task.isDone = true;
  if (message) pass(`${task.name}: ${message}`);
  if (code !== 0 && failed === null) {
    failed = code;
    pass(`${title}: ${task.name} failed after ${elapsed()}`);
    for (const other of tasks) stop(other, "SIGTERM");
  }
  if (tasks.every((one) => one.isDone)) {
    clear();
    process.exit(failed ?? 0);
  }
  show();
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    failed ??= 128 + os.constants.signals[signal];
    for (const task of tasks) stop(task, signal);
  });
}
setInterval(() => show(true), isTerminal ? 1000 : EVERY).unref();
