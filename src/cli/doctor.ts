import { Command } from "commander";
import { type Config, readConfig } from "../config.ts";
import { checkDataDir } from "./checks/data-dir.ts";
import { checkDatabase } from "./checks/database.ts";
import { type Finding, ok, problem } from "./checks/finding.ts";
import { checkMail } from "./checks/mail.ts";
import { checkNode } from "./checks/node.ts";
import { checkPort } from "./checks/port.ts";
import { checkRecordings } from "./checks/recordings.ts";
import { checkTelephone } from "./checks/telephone.ts";
import { sentence } from "./report.ts";
import { print } from "./session.ts";
import { table } from "./table.ts";

export const doctorCommand = (): Command =>
  new Command("doctor")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  PORT=80 leadline doctor")
    .action(doctor);

const WORDS: Record<Finding["state"], string> = { ok: "ok", note: "-", problem: "WRONG" };

async function doctor(options: { json?: boolean }): Promise<void> {
  const findings = [checkNode(), ...(await checkSetup())];
  const wrong = findings.filter(({ state }) => state === "problem").length;
  const verdict = wrong === 0 ? "All is well." : `${wrong} ${wrong === 1 ? "thing needs" : "things need"} seeing to.`;
  const rows = findings.map(({ about, state, text }) => [WORDS[state], about, text]);
  print({ json: { ok: wrong === 0, findings }, text: `${table(["", "ABOUT", "FOUND"], rows)}\n\n${verdict}` }, options);
  if (wrong > 0) process.exitCode = 1;
}

async function checkSetup(): Promise<Finding[]> {
  let config: Config;
  try {
    config = readConfig(process.env);
  } catch (error) {
    return [problem("settings", sentence(error))];
  }
  const dataDir = checkDataDir(config.DATA_DIR);
  return [
    ok("settings", "all can be used"),
    ...dataDir,
    ...(await checkDatabase(config, async (house) => [
      ...(await checkTelephone(config, house)),
      ...(await checkRecordings(config, house)),
    ])),
    await checkPort(config),
    await checkMail(config),
  ];
}
