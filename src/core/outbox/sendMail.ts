import { once } from "node:events";
import { createTransport } from "nodemailer";
import type { Clock } from "../../platform/clock.ts";
import { type Task, TryLater } from "../../platform/jobs/jobs.ts";
import type { Db } from "../context.ts";
import type { OutboxMessage } from "./outbox.ts";
import { NO_MAIL_SERVER } from "./writeOutbox.ts";

export interface SendMailOptions {
  db: Db;
  clock: Clock;
  /** Undefined when there is no mail server any more: mails that still wait for one are then held. */
  smtpUrl: string | undefined;
  /** The sender, `Name <address>`. */
  from: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 20_000;
const SEND_TIMEOUT_MS = 60_000;
/** A mail that is longer than this under way was left by a worker that died. */
const LEASE_MS = 90_000;

/**
 * The task that sends one mail of the outbox.
 *
 *     pending --claimed by a worker--> sending
 *     sending --accepted by the server--> sent
 *     sending --not now, or the process is ending--> pending, tried again
 *     sending --refused for good, or the last attempt failed--> failed
 *     sending --no mail server--> held
 *     sending --left by a worker that died--> sending, by another one
 *
 * A mail that the server took from a worker that died before it could say so is sent again, with the same Message-ID, by
 * which mail servers tell doubles.
 */
export function createSendMail({ db, clock, smtpUrl, from }: SendMailOptions): Task<"send_mail"> {
  const transport =
    smtpUrl === undefined
      ? undefined
      : createTransport({
          url: smtpUrl,
          connectionTimeout: CONNECT_TIMEOUT_MS,
          greetingTimeout: CONNECT_TIMEOUT_MS,
          socketTimeout: SILENCE_TIMEOUT_MS,
          disableFileAccess: true,
          disableUrlAccess: true,
        });

  const deliver = async (mail: OutboxMessage, signal: AbortSignal) => {
    if (!transport) return;
    const sending = transport.sendMail({
      from,
      // As an object, so that nothing in it is read as a list of addresses.
      to: { name: "", address: mail.recipient ?? "" },
      subject: mail.subject ?? "",
      text: mail.body,
      messageId: `<${mail.id}@${domainOf(from)}>`,
      date: mail.created_at,
      // RFC 3834: keeps vacation answers from answering these.
      headers: { "auto-submitted": mail.purpose === "auto_reply" ? "auto-replied" : "auto-generated" },
    });
    await unlessAborted(sending, AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]));
  };

  return async ({ workspaceId, mailId }, attempt) => {
    const mail = await claim(db, clock, workspaceId, mailId);
    if (!mail) return;
    if (!transport) return settle(db, clock, mail, "held", NO_MAIL_SERVER);
    try {
      await deliver(mail, attempt.signal);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const interrupted = attempt.signal.aborted;
      const final = !interrupted && (attempt.last || isRefusedForGood(error));
      await settle(db, clock, mail, final ? "failed" : "pending", interrupted ? "The process ended." : reason);
      if (final) return;
      throw new TryLater(reason, { cause: error });
    }
    await settle(db, clock, mail, "sent", null);
  };
}

/** The mail, when it is this worker's to send; undefined when nobody has to. Throws TryLater while another worker sends it. */
async function claim(db: Db, clock: Clock, workspaceId: string, mailId: string): Promise<OutboxMessage | undefined> {
  const now = clock.now();
  const mail = await db.kysely
    .updateTable("outbox")
    .set((row) => ({ status: "sending", attempts: row("attempts", "+", 1), updated_at: now }))
    .where("workspace_id", "=", workspaceId)
    .where("id", "=", mailId)
    .where("channel", "=", "email")
    .where((row) =>
      row.or([
        row("status", "=", "pending"),
        row.and([row("status", "=", "sending"), row("updated_at", "<", new Date(now.getTime() - LEASE_MS))]),
      ]),
    )
    .returningAll()
    .executeTakeFirst();
  if (mail) return mail;
  const other = await db.kysely
    .selectFrom("outbox")
    .select("id")
    .where("workspace_id", "=", workspaceId)
    .where("id", "=", mailId)
    .where("status", "=", "sending")
    .executeTakeFirst();
  if (other) throw new TryLater("Another worker is sending this mail.");
  return undefined;
}

/** Ends the attempt that `mail` was claimed with; without effect when another worker has taken it over since. */
async function settle(db: Db, clock: Clock, mail: OutboxMessage, status: OutboxMessage["status"], error: string | null): Promise<void> {
  const now = clock.now();
  await db.kysely
    .updateTable("outbox")
    .set({ status, last_error: error, updated_at: now, sent_at: status === "sent" ? now : null })
    .where("workspace_id", "=", mail.workspace_id)
    .where("id", "=", mail.id)
    .where("status", "=", "sending")
    .where("attempts", "=", mail.attempts)
    .execute();
}

/** The transport cannot be told to stop: what it does after an abort comes to nothing. */
async function unlessAborted(sending: Promise<unknown>, signal: AbortSignal): Promise<void> {
  sending.catch(() => undefined);
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = once(signal, "abort", settled).then(() => signal.throwIfAborted());
  aborted.catch(() => undefined);
  try {
    await Promise.race([sending, aborted]);
  } finally {
    settled.abort();
  }
}

/** RFC 5321, section 4.2.1: a 5yz reply to the envelope or the message says not to try again as it is. */
function isRefusedForGood(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error) || !("responseCode" in error)) return false;
  return (error.code === "EENVELOPE" || error.code === "EMESSAGE") && Number(error.responseCode) >= 500;
}

const domainOf = (from: string): string => /@([^\s<>@]+)>?\s*$/.exec(from)?.[1] ?? "localhost";
