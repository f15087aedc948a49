import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Probe {
  file: string;
  forbidden: string[];
  allowed: string[];
}

const OUTSIDE = ["main.ts", "app.ts", "config.ts", "store.ts", "demo.ts", "cli/table.ts"];
const outside = (up: string) => OUTSIDE.map((file) => up + file);

const dialects = ["yappr", "topcalls", "aiployees", "vcita"];
const dialectProbes = dialects.map((dialect) => ({
  file: `src/dialects/${dialect}/probe.ts`,
  forbidden: [
    ...dialects.filter((other) => other !== dialect).map((other) => `../${other}/plugin.ts`),
    "../../platform/postgres/database.ts",
    "../../platform/jobs/jobs.ts",
    "../../voice/template.ts",
    "../../carriers/carrier.ts",
    "kysely",
    "pg",
    ...outside("../../"),
  ],
  allowed: ["./errors.ts", "../kit/schema.ts", "../../core/leads/createLead.ts", "../../engine/placeCall.ts", "../../platform/ids.ts"],
}));

const probes: Probe[] = [
  {
    file: "src/platform/probe.ts",
    forbidden: [
      "../core/context.ts",
      "../engine/placeCall.ts",
      "../voice/template.ts",
      "../carriers/carrier.ts",
      "../dialects/server.ts",
      ...outside("../"),
    ],
    allowed: ["./ids.ts", "pg"],
  },
  {
    file: "src/core/leads/probe.ts",
    forbidden: [
      "../../engine/placeCall.ts",
      "../../voice/template.ts",
      "../../carriers/carrier.ts",
      "../../dialects/kit/schema.ts",
      "../../platform/http/rate-limit.ts",
      ...outside("../../"),
    ],
    allowed: ["../context.ts", "../../platform/ids.ts", "../../platform/postgres/database.ts", "kysely"],
  },
  {
    file: "src/engine/probe.ts",
    forbidden: [
      "../voice/template.ts",
      "../carriers/simulator/simulator.ts",
      "../carriers/sip/sip.ts",
      "../dialects/server.ts",
      "../platform/http/rate-limit.ts",
      ...outside("../"),
    ],
    allowed: ["../core/context.ts", "../carriers/carrier.ts", "../platform/postgres/listener.ts"],
  },
  ...["src/voice/probe.ts", "src/carriers/probe.ts"].map((file) => ({
    file,
    forbidden: ["../dialects/server.ts", "../platform/http/rate-limit.ts", ...outside("../")],
    allowed: ["../engine/conversation.ts", "../platform/clock.ts"],
  })),
  {
    file: "src/dialects/kit/probe.ts",
    forbidden: [
      ...dialects.map((dialect) => `../${dialect}/plugin.ts`),
      "../../platform/postgres/database.ts",
      "../../voice/template.ts",
      "../../carriers/carrier.ts",
      "kysely",
      "pg",
      ...outside("../../"),
    ],
    allowed: ["./problem.ts", "../../core/errors.ts", "../../platform/http/validator.ts"],
  },
  ...dialectProbes,
  { file: "src/app.ts", forbidden: ["./main.ts", "./demo.ts", "./cli/table.ts"], allowed: ["./store.ts", "./dialects/server.ts"] },
];

interface Report {
  diagnostics: Array<{ category: string; location: { path: string; start: { line: number } } }>;
}

/** Where Biome refuses an import, as `file:line`. */
function refusals(): Set<string> {
  const folder = mkdtempSync(join(tmpdir(), "leadline-imports-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  copyFileSync(join(root, "biome.json"), join(folder, "biome.json"));
  for (const { file, forbidden, allowed } of probes) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), [...forbidden, ...allowed].map((path) => `import ${JSON.stringify(path)};\n`).join(""));
  }
  const biome = join(root, "node_modules", ".bin", "biome");
  const rule = "--only=style/noRestrictedImports";
  const { stdout } = spawnSync(biome, ["lint", "--vcs-enabled=false", rule, "--reporter=json", "--max-diagnostics=none", "."], {
    cwd: folder,
    encoding: "utf8",
  });
  const { diagnostics } = JSON.parse(stdout) as Report;
  for (const { category } of diagnostics) assert.equal(category, "lint/style/noRestrictedImports");
  return new Set(diagnostics.map(({ location }) => `${location.path}:${location.start.line}`));
}

const refused = refusals();

for (const { file, forbidden, allowed } of probes) {
  test(`lint keeps ${dirname(file)} to what it may import`, () => {
    for (const [index, path] of [...forbidden, ...allowed].entries()) {
      assert.equal(refused.has(`${file}:${index + 1}`), index < forbidden.length, `${file} importing ${path}`);
    }
  });
}
