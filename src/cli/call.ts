import { Command, Option } from "commander";
import type { MediaQuality } from "../core/calls/call.ts";
import { type CallDetail, getCall } from "../core/calls/getCall.ts";
import { listCalls } from "../core/calls/listCalls.ts";
import type { Call } from "../core/calls/row.ts";
import { findTrunk } from "../core/trunks/findTrunk.ts";
import { isUuid } from "../platform/ids.ts";
import { countNumber } from "./arguments.ts";
import { Complaint } from "./complaint.ts";
import { operatorContext, workspaceNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { sheet, table } from "./table.ts";

interface ListOptions {
  workspace?: string;
  direction?: "inbound" | "outbound";
  limit: number;
  json?: boolean;
}

export function callCommands(): Command {
  const group = new Command("call");
  group
    .command("list")
    .description("List a workspace's calls, newest first.")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .addOption(new Option("--direction <direction>", "only these").choices(["inbound", "outbound"]))
    .option("--limit <number>", "how many at most", countNumber, 50)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline call list --direction inbound")
    .action((options: ListOptions) => overStore(options, (session) => list(session, options)));
  group
    .command("show")
    .description("Show what became of a call: its decisions, its times, what the telephone network said, how good the line was.")
    .argument("<id>", "as `leadline call list` shows it")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline call show 01a1f983-05b6-76bb-868d-43e04b1ac48c")
    .action((id: string, options: { workspace?: string; json?: boolean }) => overStore(options, (session) => show(session, id, options)));
  return group;
}

const state = ({ status, outcome }: Call): string => outcome ?? status;

async function list({ house }: Session, { workspace, direction, limit }: ListOptions): Promise<Answer> {
  const ctx = operatorContext(house, await workspaceNamed(house, workspace));
  const calls = await listCalls(ctx, direction ? { direction } : {}, { limit, offset: 0 });
  if (calls.length === 0) return { json: [], text: "No calls." };
  const rows = calls.map((call) => [
    call.id,
    call.created_at,
    call.direction,
    call.from_number,
    call.to_number,
    state(call),
    sipWords(call),
    call.error ?? call.disconnect_reason,
  ]);
  return { json: calls, text: table(["ID", "MADE (UTC)", "DIRECTION", "FROM", "TO", "OUTCOME", "SIP", "WHY"], rows) };
}

async function show({ house }: Session, id: string, { workspace }: { workspace?: string }): Promise<Answer> {
  if (!isUuid(id)) throw new Complaint(`${id} is not the id of a call. See: leadline call list`);
  const call = await getCall(operatorContext(house, await workspaceNamed(house, workspace)), id);
  const trunk = call.trunk_id === null ? undefined : await findTrunk(house.db.kysely, call.trunk_id);
  const { events, decisions, transcript } = call;
  const sections = [
    sheet({
      id: call.id,
      direction: call.direction,
      from: call.from_number,
      to: call.to_number,
      lead: call.lead?.name || call.lead?.id,
      trunk: call.trunk_id === null ? "simulated carrier" : (trunk?.name ?? `${call.trunk_id} (removed)`),
      outcome: state(call),
      "ended by": call.ended_by,
      reason: call.disconnect_reason,
      error: call.error,
      ...lineDetail(events),
      ...times(call),
      sip: sipWords(call),
      "q.850": call.q850_cause,
      ...(call.transfer_target ? { "transferred to": call.transfer_target } : {}),
      line: call.media_quality ? qualityWords(call.media_quality) : null,
    }),
    table(
      ["AT (UTC)", "DECISION", "REASON", "DETAIL"],
      decisions.map((one) => [one.created_at, one.verdict, one.reason, JSON.stringify(one.detail)]),
    ),
    events.length > 0
      ? table(
          ["AT (UTC)", "EVENT"],
          events.map((event) => [second(event.created_at), event.type]),
        )
      : "",
    transcript.length > 0
      ? table(
          ["FROM S", "TO S", "WHO", "SAID"],
          transcript.map((turn) => [turn.start, turn.end, turn.role, turn.text]),
        )
      : "",
  ];
  return { json: call, text: sections.filter((section) => section !== "").join("\n\n") };
}

/** What a tenant is not shown. */
function lineDetail(events: CallDetail["events"]): Record<string, string> {
  const said = events.flatMap(({ payload }) => (typeof payload.line_detail === "string" ? [payload.line_detail] : [])).at(-1);
  return said === undefined ? {} : { "the line said": said };
}

const times = (call: CallDetail) => ({
  made: second(call.created_at),
  dialled: second(call.started_at),
  rang: second(call.rang_at),
  answered: second(call.answered_at),
  ended: second(call.ended_at),
});

/** A call is told in seconds, not in minutes. */
const second = (time: Date | null): string | null => (time ? `${time.toISOString().slice(0, 19).replace("T", " ")} UTC` : null);

const sipWords = ({ sip_status, sip_reason }: Call): string => [sip_status, sip_reason].filter((one) => one !== null).join(" ");

const qualityWords = (quality: MediaQuality): string =>
  `${quality.codec}, MOS ${quality.mos.toFixed(1)}, lost ${quality.packets_lost} of ${quality.packets_received + quality.packets_lost} packets, ` +
  `jitter ${quality.jitter_ms.toFixed(1)} ms`;
