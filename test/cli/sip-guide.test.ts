import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { newId } from "../../src/platform/ids.ts";
import { findProgram, missing } from "../support/debian-packages.ts";
import { ownStore } from "./own-store.ts";
import { leadlineJson, temporaryFolder } from "./support.ts";

const guide = readFileSync(new URL("../../docs/sip.md", import.meta.url), "utf8");
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, body = ""]) => body);
const commands = blocks("sh").flatMap((block) => block.split("\n").filter((line) => line.startsWith("bin/leadline ")));

const store = await ownStore();
const { id } = await leadlineJson<{ id: string }>(
  ["workspace", "create", "--name", "Clinic", "--time-zone", "Asia/Jerusalem", "--country", "IL"],
  { env: store.env },
);
await store.query(
  `insert into agents (workspace_id, id, number, version, is_active, settings, created_at, updated_at)
   overriding system value values ($1, $2, 1001, 1, true, '{"name": "Maya"}', now(), now())`,
  [id, newId()],
);

test("the guide to a telephone line has commands", () => assert.ok(commands.length >= 15, commands.join("\n")));

for (const command of commands) {
  // These talk to the provider, or judge the machine; they have tests of their own.
  if (/ (trunk test|doctor)\b/.test(command)) continue;
  test(`as in the guide: ${command}`, async () => {
    const script = command.replace(
      "bin/leadline",
      `"${process.execPath}" "${fileURLToPath(new URL("../../src/main.ts", import.meta.url))}"`,
    );
    const child = spawn("/bin/sh", ["-c", script], { env: { PATH: process.env.PATH, ...store.env } });
    child.stdin.on("error", () => undefined);
    child.stdin.end("a password\n");
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    assert.equal(err, "");
    assert.equal(code, 0);
    assert.ok(out.length > 0);
  });
}

test("the guide's Kamailio configuration is one that Kamailio takes", { skip: missing("kamailio") }, async () => {
  const folder = temporaryFolder();
  const [configuration = ""] = blocks("kamailio");
  const nodes = /dispatcher\.list`:\n\n```\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
  assert.match(nodes, /^1 sip:192\.0\.2\.11:5060$/m);
  writeFileSync(join(folder, "dispatcher.list"), nodes);
  const file = join(folder, "kamailio.cfg");
  const modules = "/usr/lib/x86_64-linux-gnu/kamailio/modules:/usr/lib/aarch64-linux-gnu/kamailio/modules";
  // The guide's addresses are nobody's, and this machine has others.
  writeFileSync(file, configuration.replaceAll("192.0.2.5", "127.0.0.1").replaceAll("/etc/kamailio", folder));
  const { stderr } = await promisify(execFile)(findProgram("kamailio") ?? "", ["-c", "-f", file, "-L", modules]);
  assert.match(stderr, /config file ok/);
});
