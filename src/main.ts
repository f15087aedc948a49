import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// Compiled code is kept beside the packages: the second start is the faster for it. Where that cannot be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/leadline", import.meta.url)));
// A library asks for our home folder while it is loaded, and throws when a user id without a name has none.
process.env.HOME ??= "/nonexistent";
const { createProgram } = await import("./cli/program.ts");
const { report } = await import("./cli/report.ts");

// Whoever reads our output may have stopped reading, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await (await createProgram(process.argv.slice(2))).parseAsync();
} catch (error) {
  report(error);
  process.exit(1);
}
