// Whether guessing at sign-in slows what others ask for: the time of a page's answer with nobody guessing and with 100 guesses a second,
// in turn. Run it by `make guesses`; GUESS_SECONDS is the length of one turn.
import { execFileSync } from "node:child_process";

const { BASE_URL, BIN, SERVER_DATA_DIR } = process.env;
const seconds = Number(process.env.GUESS_SECONDS ?? 10);
const EVERY_MS = 10;
const TURNS = 3;

const program = (words, input) => execFileSync(BIN, [...words, "--data-dir", SERVER_DATA_DIR, "--log", "error"], { input, encoding: "utf8" }).trim();
program(["person", "create", "anna@example.com"], "zebra lamp quietly\n");
const token = program(["token", "create", "reader", "--scope", "health:read"]);
const headers = { authorization: `Bearer ${token}` };

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

async function ask(until) {
  const times = [];
  while (performance.now() < until) {
    const began = performance.now();
    const answer = await fetch(`${BASE_URL}/api/scaling-mode/health`, { headers });
    await answer.text();
    if (answer.status !== 200) throw new Error(`the answer was ${answer.status}`);
    times.push(performance.now() - began);
  }
  return times;
}

/** Guesses at a steady pace, without waiting for the answers; accounts and so what is counted differ. */
async function guess(until, counts) {
  const open = [];
  for (let place = 0; performance.now() < until; place++) {
    const body = new URLSearchParams({ email: place % 2 ? "anna@example.com" : `nobody${place}@example.com`, password: `guess ${place}` });
    open.push(
      fetch(`${BASE_URL}/api/scaling-mode/forms/sign-in`, { method: "POST", body }).then((answer) => {
        counts[answer.status] = (counts[answer.status] ?? 0) + 1;
        return answer.text();
      }),
    );
    await new Promise((next) => setTimeout(next, EVERY_MS));
  }
  await Promise.all(open);
}

await ask(performance.now() + 2000);
const quiet = [];
const guessed = [];
const counts = {};
for (let turn = 0; turn < TURNS; turn++) {
  quiet.push(...(await ask(performance.now() + seconds * 1000)));
  const until = performance.now() + seconds * 1000;
  const [times] = await Promise.all([ask(until), guess(until, counts)]);
  guessed.push(...times);
}
const ratio = median(guessed) / median(quiet);
console.log(`quiet: median ${median(quiet).toFixed(3)} ms of ${quiet.length}; guessed: median ${median(guessed).toFixed(3)} ms of ${guessed.length}; ratio ${ratio.toFixed(2)}`);
console.log(`guesses answered, by status: ${JSON.stringify(counts)}`);
if (!counts[429]) throw new Error("no guess was held off");
