import { newId } from "../../platform/ids.ts";
import { enqueue } from "../../platform/jobs/jobs.ts";
import type { Client } from "../../platform/postgres/database.ts";
import type { OutboxDraft } from "./outbox.ts";

/** Spread over some three hours (`Task` of platform/jobs says how). */
const MAIL_ATTEMPTS = 10;

/** Writes messages to people, with a `send_mail` job for each that can be sent. Runs inside the caller's transaction. */
export async function writeOutbox(client: Client, drafts: readonly OutboxDraft[]): Promise<void> {
  if (drafts.length === 0) return;
  const rows = drafts.map(({ reader, mail, ...draft }) => {
    const obstacle = obstacleTo({ reader, mail, ...draft });
    return { ...draft, id: newId(), status: obstacle === null ? "pending" : "held", last_error: obstacle };
  });
  await client.query({
    name: "write-outbox",
    text: `insert into outbox
        (workspace_id, id, channel, purpose, recipient, subject, body, status, last_error, lead_id, conversation_id, created_at, updated_at)
      select workspace_id, id, channel, purpose, recipient, subject, body, status, last_error, lead_id, conversation_id, now, now
      from json_to_recordset($1::json) as d(workspace_id uuid, id uuid, channel text, purpose text, recipient text, subject text,
        body text, status text, last_error text, lead_id uuid, conversation_id uuid, now timestamptz)`,
    values: [JSON.stringify(rows)],
  });
  await enqueue(
    client,
    "send_mail",
    rows.filter((row) => row.status === "pending").map((row) => ({ workspaceId: row.workspace_id, mailId: row.id })),
    { maxAttempts: MAIL_ATTEMPTS },
  );
}

function obstacleTo(draft: OutboxDraft): string | null {
  const address = draft.channel === "email" ? "e-mail address" : "phone number";
  if (draft.recipient === null) return `The ${draft.reader} has no ${address}.`;
  if (draft.channel === "sms") return "No carrier for text messages is configured.";
  return draft.mail ? null : NO_MAIL_SERVER;
}

export const NO_MAIL_SERVER = "No mail server is configured (SMTP_URL).";
