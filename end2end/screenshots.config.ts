import suite from "./playwright.config.ts";

// The same browser and the same states as the suite's; pictures are no test, and are not taken along with them.
export default { ...suite, globalSetup: "./tests/states.ts", testDir: ".", testMatch: "screenshots.ts", projects: [{ name: "pictures" }] };
