import { createProgram } from "../../src/cli/program.ts";
import { report } from "../../src/cli/report.ts";
import type { Order } from "./warm.ts";

/** What `main.ts` does with its arguments, for one command after another in one process. */
async function run(args: readonly string[]): Promise<number> {
  process.exitCode = undefined;
  try {
    await (await createProgram(args)).parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof Exit) return error.code;
    report(error);
    return 1;
  }
}

class Exit {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

process.exit = (code) => {
  throw new Exit(Number(code ?? 0));
};

process.on("message", async ({ args, env, end }: Order) => {
  process.env = env;
  const code = await run(args);
  process.stdout.write(end);
  process.stderr.write(end);
  process.send?.(code);
});
