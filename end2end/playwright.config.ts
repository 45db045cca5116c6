import { existsSync } from "node:fs";
import { defineConfig, devices } from "@playwright/test";

// The server is started outside: scripts/with-server.sh says where.
const baseURL = process.env.BASE_URL ?? "http://127.0.0.1:3008";

// The system's Chromium where there is one, otherwise the browser that Playwright has downloaded.
const executablePath = [process.env.CHROMIUM_PATH, "/usr/bin/chromium"].find((path) => path && existsSync(path));

export default defineConfig({
  testDir: "tests",
  globalSetup: "./tests/states.ts",
  outputDir: "test-results",
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  // More than cores: many specs wait, for pauses before a page connects again most of all.
  workers: 3,
  retries: 0,
  // Patience only ends what hangs, and decides nothing else: the machine may be shared, and slow for a while.
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: [["list"], ["./failures.ts"]],
  use: {
    ...devices["Desktop Chrome"],
    baseURL,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  // Every spec runs twice, except those whose names say which of the two they are about.
  projects: [
    { name: "javascript", testIgnore: "**/*.no-js.spec.ts" },
    { name: "no-javascript", testIgnore: "**/*.js-only.spec.ts", use: { javaScriptEnabled: false } },
  ],
});
