import { Command } from "commander";
import type { TrunkReport } from "../carriers/sip/trunks/testTrunk.ts";
import { type Answer, overStore, quietLog, type Session } from "./session.ts";
import { table } from "./table.ts";

const HELP = `
It resolves each gateway's name, asks it with OPTIONS whether it is there, and registers for a moment when the trunk does; beside
a running server, which is registered already, it only asks whether it may. Exit code 1 when something is wrong.

Example:
  leadline trunk test Provider`;

export const testCommand = (): Command =>
  new Command("test")
    .description("Talk to a trunk's gateways from this machine, and say what is wrong.")
    .argument("<trunk>", "its name or id")
    .option("--json", "print one JSON value")
    .addHelpText("after", HELP)
    .action((name: string, options: { json?: boolean }) => overStore(options, (session) => test(session, name)));

async function test({ house, config }: Session, name: string): Promise<Answer> {
  const { testTrunk } = await import("../carriers/sip/trunks/testTrunk.ts");
  const report = await testTrunk({ house, settings: config, log: quietLog(config) }, name);
  if (!report.ok) process.exitCode = 1;
  return {
    json: report,
    text: `${reportTable(report)}\n\n${report.ok ? "All is well." : "Something is wrong; docs/sip.md says what each finding means."}`,
  };
}

type Check = TrunkReport["gateways"][number]["checks"][number];

const CHECKS: Record<Check["check"], string> = { resolve: "name", options: "OPTIONS", registration: "registration" };

function reportTable({ gateways }: TrunkReport): string {
  const rows = gateways.flatMap(({ gateway, checks }) =>
    checks.map(({ check, ok, detail, tookMs }) => [gateway, CHECKS[check], ok ? "ok" : "WRONG", `${Math.round(tookMs)} ms`, detail]),
  );
  return table(["GATEWAY", "CHECK", "", "TOOK", "FOUND"], rows);
}
