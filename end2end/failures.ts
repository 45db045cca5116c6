// Names each spec that failed, with the first lines of why, in a file of its own: scripts/browser-suite.sh prints it last, so that
// someone who sees only the end of a log knows what to look at.
import type { FullConfig, Reporter, TestCase, TestError, TestResult } from "@playwright/test/reporter";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** Lines of a failure that are printed: what was expected, what was there, and where. */
const LINES = 14;

export default class Failures implements Reporter {
  private file = "";
  private root = "";
  private told: string[] = [];

  onBegin(config: FullConfig) {
    this.root = config.rootDir;
    this.file = join(config.rootDir, "..", "test-results", "failures.txt");
    rmSync(this.file, { force: true });
  }

  onTestEnd(test: TestCase, result: TestResult) {
    if (result.status === test.expectedStatus || result.status === "skipped") return;
    const [, project, , ...titles] = test.titlePath();
    // A test that ran out of time has two: that it did, and what it was waiting for.
    const errors = result.errors.map((error) => error.message ?? error.value ?? "");
    const why = stripVTControlCharacters(errors.join("\n") || result.status).split("\n").filter((line) => line.trim() !== "");
    const at = `${relative(this.root, test.location.file)}:${result.error?.location?.line ?? test.location.line}`;
    this.told.push([`${project}: ${at}: ${titles.join(" > ")} (${result.status} after ${result.duration} ms)`, ...why.slice(0, LINES)].join("\n    "));
  }

  /** What failed outside of any spec: setting up, most of all. */
  onError(error: TestError) {
    this.told.push(`outside of any spec: ${stripVTControlCharacters(error.message ?? error.value ?? "")}`);
  }

  onEnd() {
    if (this.told.length === 0) return;
    mkdirSync(join(this.file, ".."), { recursive: true });
    writeFileSync(this.file, `${this.told.join("\n")}\n`);
  }
}
