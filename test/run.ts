import { globSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

/** These wait more than they work: begun first, they do so beside the others instead of after them. */
const FIRST = ["sip/", "durability/", "cli/"];

const folder = fileURLToPath(new URL("./", import.meta.url));
const rank = (file: string): number => {
  const found = FIRST.findIndex((start) => file.startsWith(start));
  return found < 0 ? FIRST.length : found;
};
const files = globSync("**/*.test.ts", { cwd: folder }).sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

/** Runs files of tests; those that failed. */
async function failuresOf(paths: readonly string[], concurrency: number): Promise<string[]> {
  const failed = new Set<string>();
  // The types do not know of globalSetupPath yet: a literal in its place would be refused.
  const options = {
    files: [...paths],
    globalSetupPath: `${folder}support/global-setup.ts`,
    concurrency,
    timeout: 240_000,
    signal: stop.signal,
  };
  const events = run(options)
    .on("test:fail", ({ file, name }) => void failed.add(file ?? name))
    .on("test:pass", ({ name, file, skip }) => {
      if (!skip || process.env.CI !== "true") return;
      console.error(`skipped with CI=true, which counts as a failure: ${name} (${file}): ${skip}`);
      process.exitCode = 1;
    });
  for await (const text of events.compose(spec)) process.stdout.write(text);
  return [...failed];
}

// Most tests talk to real sockets, processes and clocks, four files at a time on a machine that others may share.
const failed = await failuresOf(
  files.map((file) => folder + file),
  4,
);
if (failed.length > 0 && !stop.signal.aborted) {
  console.log(`once more, by themselves, as a busy machine may have failed them; look at those that pass now:\n${failed.join("\n")}`);
}
if (stop.signal.aborted || (failed.length > 0 && (await failuresOf(failed, 1)).length > 0)) process.exitCode = 1;
