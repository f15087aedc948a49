import { join } from "node:path";
import { Command } from "commander";
import { assertNever } from "../core/errors.ts";
import { type DeletedRecording, deleteRecording } from "../core/recordings/deleteRecording.ts";
import { listRecordings } from "../core/recordings/listRecordings.ts";
import { isUuid } from "../platform/ids.ts";
import { toE164 } from "../platform/phone.ts";
import { countNumber } from "./arguments.ts";
import { bytes } from "./bytes.ts";
import { Complaint } from "./complaint.ts";
import { operatorContext, workspaceNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { table } from "./table.ts";

interface ListOptions {
  workspace?: string;
  number?: string;
  limit: number;
  json?: boolean;
}

interface DeleteOptions {
  workspace?: string;
  force?: boolean;
  json?: boolean;
}

export function recordingCommands(): Command {
  const group = new Command("recording");
  group
    .command("list")
    .description("List a workspace's recordings, newest first.")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .option("--number <phone>", "only of calls from or to this number")
    .option("--limit <number>", "how many at most", countNumber, 50)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline recording list --number +972501234567")
    .action((options: ListOptions) => overStore(options, (session) => list(session, options)));
  group
    .command("delete")
    .description("Delete the recordings of calls for good. The calls stay; links to their recordings lead nowhere.")
    .argument("<call...>", "ids of calls, as `leadline recording list` shows them")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .option("--force", "also where the file is not in RECORDINGS_DIR any more")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline recording delete 01a1f983-05b6-76bb-868d-43e04b1ac48c")
    .action((ids: string[], options: DeleteOptions) => overStore(options, (session) => remove(session, ids, options)));
  return group;
}

async function list({ house }: Session, { workspace, number, limit }: ListOptions): Promise<Answer> {
  const owner = await workspaceNamed(house, workspace);
  const phone = number === undefined ? undefined : toE164(number, owner.country);
  if (number !== undefined && phone === undefined) throw new Complaint(`${number} is not a phone number.`);
  const found = await listRecordings(operatorContext(house, owner), { limit, ...(phone === undefined ? {} : { number: phone }) });
  if (found.length === 0) return { json: [], text: "No recordings." };
  const rows = found.map((one) => [one.call_id, one.started_at, one.direction, one.from_number, one.to_number, length(one), size(one)]);
  return {
    json: found.map(({ file, ...one }) => ({ ...one, path: join(house.settings.recordingsDir, file) })),
    text: table(["CALL", "BEGAN (UTC)", "DIRECTION", "FROM", "TO", "LENGTH", "SIZE"], rows),
  };
}

const length = ({ duration_ms }: { duration_ms: number | null }) =>
  duration_ms === null ? null : `${Math.floor(duration_ms / 60_000)}:${String(Math.floor(duration_ms / 1000) % 60).padStart(2, "0")}`;

const size = (recording: { bytes: number | null }) => (recording.bytes === null ? null : bytes(recording.bytes));

/** One after the other, and up to the first that cannot be: doing it again does the rest. */
async function remove({ house }: Session, ids: readonly string[], { workspace, force = false }: DeleteOptions): Promise<Answer> {
  const { id: workspaceId } = await workspaceNamed(house, workspace);
  const done: Array<{ call_id: string; deleted_at: Date }> = [];
  for (const id of ids) {
    const callId = id.toLowerCase();
    if (!isUuid(callId)) throw new Complaint(`${id} is not the id of a call. See: leadline recording list`);
    const deleted = await deleteRecording(house, { workspaceId, callId, force });
    done.push({ call_id: callId, deleted_at: timeOf(callId, deleted, house.settings.recordingsDir) });
  }
  const text = done.map((one) => `The recording of call ${one.call_id} is deleted, since ${one.deleted_at.toISOString()}.`);
  return { json: done, text: text.join("\n") };
}

function timeOf(callId: string, deleted: DeletedRecording, folder: string): Date {
  switch (deleted.state) {
    case "deleted":
      return deleted.at;
    case "running":
      throw new Complaint(`Call ${callId} is not over. Its recording can be deleted as soon as it is.`);
    case "missing":
      throw new Complaint(
        `The recording of call ${callId} is not at ${join(folder, deleted.file)}. Set RECORDINGS_DIR as the server has it; if the file is gone, add --force.`,
      );
    case "none":
      throw new Complaint(`Call ${callId} has no recording.`);
    default:
      return assertNever(deleted);
  }
}
