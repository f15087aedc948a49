import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "commander";
import { COMMAND_NAMES, createProgram } from "../../src/cli/program.ts";
import { welcome } from "../../src/cli/welcome.ts";
import { readConfig, VARIABLES } from "../../src/config.ts";
import { DIALECTS } from "../../src/dialects/dialects.ts";
import { ROLES } from "../../src/roles.ts";
import { leadline } from "./support.ts";

test("leadline --help documents every setting with its default", async () => {
  const { code, out } = await leadline(["--help"]);
  assert.equal(code, 0);
  for (const name of COMMAND_NAMES) assert.match(out, new RegExp(`^  ${name} +[A-Z]`, "m"));
  for (const [name, { help, fallback }] of Object.entries(VARIABLES)) {
    const line = out.split("\n").find((one) => one.trimStart().startsWith(`${name} `));
    assert.ok(line?.includes(help) && line.includes(fallback), name);
  }
});

const leaves = (command: Command): Command[] => (command.commands.length === 0 ? [command] : command.commands.flatMap(leaves));
const fullName = (command: Command): string => (command.parent ? `${fullName(command.parent)} ${command.name()}`.trim() : "");

for (const command of leaves(await createProgram(COMMAND_NAMES))) {
  test(`leadline ${fullName(command)} --help says what it does, with an example`, () => {
    let help = "";
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    assert.ok(command.description().length > 10);
    assert.match(help, new RegExp(`Examples?:\n .*leadline ${fullName(command)}`));
  });
}

test("the start's curl lines hold keys only when standard output is a terminal", () => {
  const keys = { yappr: "K1", topcalls: "K2", aiployees: "K3", vcita_staff: "K4", vcita_app: "K5", vcita_directory: "K6" };
  const credentials = {
    base_url: "http://127.0.0.1:8080",
    workspace: { id: "w", uid: "u", nickname: "demo.clinic1", webhook_secret: "S1" },
    keys,
    demo: { agent_id: "a", list_id: "l", campaign_id: 123, assistant_id: 1001, from: "+972551234567" },
  };
  const shown = (terminal: boolean) => welcome({ config: readConfig({ DATA_DIR: "/data" }), roles: ROLES, credentials, terminal });
  assert.equal(DIALECTS.length, [...shown(true).matchAll(/Bearer K[1-4]"/g)].length);
  assert.doesNotMatch(shown(false), /K\d|S1/);
});
