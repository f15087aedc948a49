import { calls } from "./calls.ts";
import { dispatch } from "./dispatch.ts";
import { intake } from "./intake.ts";
import { isolation } from "./isolation.ts";
import { media } from "./media.ts";
import { soak } from "./soak.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<void>>> = { intake, dispatch, media, calls, isolation, soak };

const benchmark = BENCHMARKS[process.argv[2] ?? ""];
if (!benchmark) {
  console.error(`Usage: npm run bench -- NAME\nNames: ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exitCode = 2;
} else {
  await benchmark();
}
