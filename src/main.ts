import { createProgram } from "./cli/program.ts";
import { report } from "./cli/report.ts";

// Whoever reads our output may have stopped reading, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  report(error);
  process.exitCode = 1;
}
