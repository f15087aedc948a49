import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Lints a tree that holds one file for each import, under the project's own rules; returns what may not be imported. */
function forbidden(imports: ReadonlyArray<readonly [folder: string, target: string]>): Set<string> {
  const tree = mkdtempSync(join(tmpdir(), "leadline-rules-"));
  try {
    for (const name of ["biome.json", ".gitignore"]) copyFileSync(join(ROOT, name), join(tree, name));
    imports.forEach(([folder, target], index) => {
      mkdirSync(join(tree, folder), { recursive: true });
      const file = folder === "src" ? "app.ts" : `x${index}.ts`;
      writeFileSync(join(tree, folder, file), `import { x } from "${target}";\n\nexport const y = x;\n`);
    });
    const lint = spawnSync(join(ROOT, "node_modules/.bin/biome"), ["lint", "--max-diagnostics=none", "--colors=off", "."], {
      cwd: tree,
      encoding: "utf8",
    });
    assert.ifError(lint.error);
    const hits = `${lint.stdout}${lint.stderr}`.matchAll(/(src\S*\/\w+\.ts):\d+:\d+ lint\/style\/noRestrictedImports/g);
    return new Set([...hits].map(([, file]) => file as string));
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

describe("the import rules", () => {
  const FORBIDDEN = [
    ["src/platform", "../core/context.ts"],
    ["src/platform/postgres", "../../dialects/kit/dialect.ts"],
    ["src/core/leads", "../../engine/placeCall.ts"],
    ["src/core/leads", "../../dialects/yappr/plugin.ts"],
    ["src/core/leads", "../../platform/http/validator.ts"],
    ["src/core/leads", "../../carriers/carrier.ts"],
    ["src/engine", "../voice/built-in-conversation.ts"],
    ["src/engine", "../carriers/simulator/simulator.ts"],
    ["src/engine", "../dialects/yappr/plugin.ts"],
    ["src/voice", "../dialects/kit/dialect.ts"],
    ["src/carriers/simulator", "../../dialects/kit/dialect.ts"],
    ["src/dialects/kit", "../yappr/plugin.ts"],
    ["src/dialects/kit", "pg"],
    ...["yappr", "topcalls", "aiployees", "vcita"].flatMap((dialect) => [
      [`src/dialects/${dialect}`, "kysely"],
      [`src/dialects/${dialect}`, "../../platform/postgres/database.ts"],
      [`src/dialects/${dialect}`, `../${dialect === "yappr" ? "vcita" : "yappr"}/present.ts`],
      [`src/dialects/${dialect}`, "../../app.ts"],
    ]),
    ["src", "./main.ts"],
  ] as const;
  const ALLOWED = [
    ["src/core/leads", "../../platform/ids.ts"],
    ["src/engine", "../carriers/carrier.ts"],
    ["src/engine", "../core/context.ts"],
    ["src/dialects/yappr", "../../engine/placeCall.ts"],
    ["src/dialects/yappr", "../kit/dialect.ts"],
  ] as const;
  const all = [...FORBIDDEN, ...ALLOWED].map(([folder, target]) => [String(folder), String(target)] as const);
  const hits = forbidden(all);
  all.forEach(([folder, target], index) => {
    const may = index >= FORBIDDEN.length;
    test(`${folder} may ${may ? "" : "not "}import ${target}`, () => {
      assert.equal(hits.has(folder === "src" ? "src/app.ts" : `${folder}/x${index}.ts`), !may);
    });
  });
});

test("the lock file names no host", () => {
  assert.doesNotMatch(readFileSync(`${ROOT}package-lock.json`, "utf8"), /"resolved"/);
});

test("the README describes every setting, with its default", async () => {
  const { VARIABLES } = await import("../src/config.ts");
  const readme = readFileSync(`${ROOT}README.md`, "utf8");
  for (const [name, { fallback }] of Object.entries(VARIABLES)) {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
    assert.ok(row, `${name} is missing`);
    if (fallback !== "" && name !== "DATA_DIR") assert.ok(row.includes(`\`${fallback}\``), `${name} has another default`);
  }
});
