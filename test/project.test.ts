import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COMMAND_NAMES } from "../src/cli/program.ts";
import { VARIABLES } from "../src/config.ts";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const readme = read("README.md");
const packageJson = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
const direct = ["dependencies", "optionalDependencies", "devDependencies"].flatMap((kind) => Object.entries(packageJson[kind] ?? {}));

test("the README's table of settings has every one, with its default", () => {
  const table = [...readme.matchAll(/^\| `([A-Z_]+)` \|(.*?)\|/gm)].map(([, name = "", shown = ""]) => ({ name, shown: shown.trim() }));
  assert.deepEqual(
    table.map(({ name }) => name),
    Object.keys(VARIABLES),
  );
  for (const { name, shown } of table) {
    const { fallback } = VARIABLES[name as keyof typeof VARIABLES];
    // Where the default depends on the machine or on other settings, the README says how.
    if (name !== "DATA_DIR" && fallback !== "") assert.equal(shown, `\`${fallback}\``, name);
  }
});

test("the README names every command", () => {
  for (const name of COMMAND_NAMES) assert.match(readme, new RegExp(`\\b${name}\\b`), name);
});

test("every direct dependency is accounted for, with an exact version", () => {
  const accounts = read("docs/dependencies.md");
  for (const [name, version] of direct) {
    const group = name.replace(/\/.*/, "/*");
    assert.ok(accounts.includes(`\`${name}\``) || accounts.includes(`\`${group}\``), `docs/dependencies.md says nothing of ${name}`);
    assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
  }
});

test("the lock file works with any registry: it names none, and has every package's hash", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>;
  };
  for (const [path, { resolved, integrity }] of Object.entries(packages)) {
    assert.equal(resolved, undefined, path);
    if (path !== "") assert.match(integrity ?? "", /^sha512-/, path);
  }
});
