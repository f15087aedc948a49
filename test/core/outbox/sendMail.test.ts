import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { listOutbox } from "../../../src/core/outbox/listOutbox.ts";
import type { OutboxMessage } from "../../../src/core/outbox/outbox.ts";
import { createSendMail } from "../../../src/core/outbox/sendMail.ts";
import { writeOutbox } from "../../../src/core/outbox/writeOutbox.ts";
import { type Attempt, TryLater } from "../../../src/platform/jobs/jobs.ts";
import { startWorld, type Tenant } from "../../support/world.ts";
import { startMailbox } from "./support.ts";

const world = await startWorld();
const mailbox = await startMailbox();
const { db, clock } = world.house;
const FROM = "Leadline <no-reply@leads.example.com>";
const sendMail = createSendMail({ db, clock, smtpUrl: mailbox.url, from: FROM });
const signal = new AbortController().signal;
const FIRST: Attempt = { number: 1, last: false, signal };
const SECOND: Attempt = { number: 2, last: false, signal };
const LAST: Attempt = { number: 2, last: true, signal };

/** A mail of a new tenant that waits to be sent. */
async function waiting(draft: { recipient?: string | null; subject?: string; body?: string; purpose?: string; mail?: boolean } = {}) {
  const tenant = await world.tenant();
  await db.inTransaction((client) =>
    writeOutbox(client, [
      {
        workspace_id: tenant.workspace.id,
        channel: "email",
        purpose: draft.purpose ?? "owner_alert",
        reader: "business owner",
        recipient: draft.recipient === undefined ? "owner@example.com" : draft.recipient,
        subject: draft.subject ?? "New request",
        body: draft.body ?? "Hello",
        lead_id: null,
        conversation_id: null,
        mail: draft.mail ?? true,
        now: clock.now(),
      },
    ]),
  );
  const mail = await only(tenant);
  return { tenant, mail, payload: { workspaceId: tenant.workspace.id, mailId: mail.id } };
}

async function only(tenant: Tenant): Promise<OutboxMessage> {
  const messages = await listOutbox(tenant.ctx, {}, { limit: 10 });
  assert.equal(messages.length, 1);
  return messages[0] as OutboxMessage;
}

const mailsOf = (mailId: string) => mailbox.mails.filter(({ headers }) => headers.get("message-id")?.includes(mailId));

const jobs = async (mailId: string) =>
  (await db.pool.query("select 1 from graphile_worker._private_jobs where payload ->> 'mailId' = $1", [mailId])).rowCount;

describe("the outbox", () => {
  test("a mail waits with a job when there is a mail server, and is held without one when there is none", async () => {
    const ready = await waiting();
    assert.deepEqual([ready.mail.status, ready.mail.last_error, await jobs(ready.mail.id)], ["pending", null, 1]);
    const held = await waiting({ mail: false });
    assert.deepEqual([held.mail.status, await jobs(held.mail.id)], ["held", 0]);
    assert.match(held.mail.last_error ?? "", /SMTP_URL/);
    const nobody = await waiting({ recipient: null });
    assert.deepEqual([nobody.mail.status, nobody.mail.last_error], ["held", "The business owner has no e-mail address."]);
  });

  test("no message and no job remain of a transaction that fails", async () => {
    const tenant = await world.tenant();
    const before = (await db.pool.query("select count(*) from graphile_worker._private_jobs")).rows[0].count;
    await assert.rejects(
      db.inTransaction(async (client) => {
        const draft = {
          channel: "email",
          purpose: "x",
          reader: "lead",
          subject: "s",
          body: "b",
          lead_id: null,
          conversation_id: null,
        } as const;
        await writeOutbox(client, [
          { ...draft, workspace_id: tenant.workspace.id, recipient: "a@example.com", mail: true, now: clock.now() },
        ]);
        throw new Error("no");
      }),
    );
    assert.deepEqual(await listOutbox(tenant.ctx, {}, { limit: 10 }), []);
    assert.equal((await db.pool.query("select count(*) from graphile_worker._private_jobs")).rows[0].count, before);
  });

  test("is listed newest first, by channel and status, each tenant its own", async () => {
    const { tenant, mail } = await waiting();
    assert.deepEqual(
      (await listOutbox(tenant.ctx, { channel: "email", status: "pending" }, { limit: 1 })).map(({ id }) => id),
      [mail.id],
    );
    assert.deepEqual(await listOutbox(tenant.ctx, { channel: "sms" }, { limit: 1 }), []);
    assert.deepEqual(await listOutbox(tenant.ctx, { status: "sent" }, { limit: 1 }), []);
    assert.deepEqual(await listOutbox(tenant.ctx, {}, { limit: 1, after: mail.id }), []);
    assert.deepEqual(await listOutbox((await world.tenant()).ctx, {}, { limit: 1 }), []);
  });
});

describe("send_mail", () => {
  test("sends the mail once, with a Message-ID of its own", async () => {
    const { tenant, mail, payload } = await waiting({ subject: "Grüße", body: "Zeile eins\nline two", purpose: "auto_reply" });
    await sendMail(payload, FIRST);
    await sendMail(payload, SECOND);
    const got = mailbox.mails.filter(({ headers }) => headers.get("message-id") === `<${mail.id}@leads.example.com>`);
    assert.equal(got.length, 1);
    const [{ from, to, headers, body } = { from: "", to: [], headers: new Map(), body: "" }] = got;
    assert.deepEqual([from, to], ["no-reply@leads.example.com", ["owner@example.com"]]);
    assert.equal(headers.get("from"), FROM);
    assert.equal(headers.get("subject"), "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=");
    assert.equal(headers.get("auto-submitted"), "auto-replied");
    assert.match(body, /^Zeile eins\r\nline two/);
    const row = await only(tenant);
    assert.deepEqual([row.status, row.attempts, row.last_error], ["sent", 1, null]);
    assert.ok(row.sent_at);
  });

  test("ten workers at once send it once; the others look again later", async () => {
    const { mail, payload } = await waiting();
    const ends = await Promise.allSettled(Array.from({ length: 10 }, () => sendMail(payload, FIRST)));
    assert.equal(mailsOf(mail.id).length, 1);
    for (const end of ends) assert.ok(end.status === "fulfilled" || end.reason instanceof TryLater);
    await sendMail(payload, SECOND);
    assert.equal(mailsOf(mail.id).length, 1);
  });

  test("a mail that is too long under way is another worker's; what the first one still finds out changes nothing", async () => {
    const { tenant, mail, payload } = await waiting();
    const arrived = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    mailbox.hold = () => {
      mailbox.hold = undefined;
      arrived.resolve();
      return release.promise;
    };
    const first = sendMail(payload, FIRST);
    await arrived.promise;
    await assert.rejects(sendMail(payload, SECOND), TryLater);
    await db.pool.query("update outbox set updated_at = now() - interval '91 seconds' where id = $1", [mail.id]);
    await sendMail(payload, SECOND);
    release.resolve();
    await assert.rejects(first, TryLater);
    assert.equal(mailsOf(mail.id).length, 1);
    const row = await only(tenant);
    assert.deepEqual([row.status, row.attempts, row.last_error], ["sent", 2, null]);
  });

  test("a process that is ending puts the mail back at once, also with its last attempt", async () => {
    const { tenant, payload } = await waiting();
    const ending = new AbortController();
    const release = Promise.withResolvers<void>();
    mailbox.hold = () => {
      ending.abort();
      return release.promise;
    };
    await assert.rejects(sendMail(payload, { number: 1, last: true, signal: ending.signal }), TryLater);
    mailbox.hold = undefined;
    release.resolve();
    assert.deepEqual([(await only(tenant)).status, (await only(tenant)).last_error], ["pending", "The process ended."]);
    await sendMail(payload, FIRST);
    assert.equal((await only(tenant)).status, "sent");
  });

  test("a line break in the subject starts no header, a comma in the address no second recipient", async () => {
    const { mail, payload } = await waiting({ subject: "a\r\nBcc: x@example.com", recipient: "a,b@example.com" });
    await sendMail(payload, FIRST);
    const [got] = mailsOf(mail.id);
    assert.equal(got?.headers.has("bcc"), false);
    assert.equal(got?.to.length, 1);
  });

  test("a server that says try later: the failure is noted and the worker tries again, until the last attempt", async () => {
    const { tenant, payload } = await waiting();
    mailbox.refuse.message = { code: 451, text: "busy now" };
    await assert.rejects(sendMail(payload, FIRST), /busy now/);
    const once = await only(tenant);
    assert.deepEqual([once.status, once.attempts], ["pending", 1]);
    assert.match(once.last_error ?? "", /busy now/);
    await sendMail(payload, LAST);
    const twice = await only(tenant);
    assert.deepEqual([twice.status, twice.attempts, twice.sent_at], ["failed", 2, null]);
    mailbox.refuse.message = undefined;
    await sendMail(payload, FIRST);
    assert.equal((await only(tenant)).status, "failed");
  });

  test("a mail that failed once is sent by the next attempt", async () => {
    const { tenant, payload } = await waiting();
    mailbox.refuse.recipient = { code: 450, text: "greylisted" };
    await assert.rejects(sendMail(payload, FIRST), /greylisted/);
    mailbox.refuse.recipient = undefined;
    await sendMail(payload, SECOND);
    const row = await only(tenant);
    assert.deepEqual([row.status, row.attempts, row.last_error], ["sent", 2, null]);
  });

  test("a recipient that is refused for good is not tried again (RFC 5321, section 4.2.1)", async () => {
    const { tenant, payload } = await waiting();
    mailbox.refuse.recipient = { code: 550, text: "no such user" };
    await sendMail(payload, FIRST);
    mailbox.refuse.recipient = undefined;
    const row = await only(tenant);
    assert.equal(row.status, "failed");
    assert.match(row.last_error ?? "", /no such user/);
  });

  test("a server that is not there: the worker tries again", async () => {
    const gone = await startMailbox();
    await gone.close();
    const { tenant, payload } = await waiting();
    await assert.rejects(createSendMail({ db, clock, smtpUrl: gone.url, from: FROM })(payload, FIRST), /ECONNREFUSED/);
    assert.equal((await only(tenant)).status, "pending");
  });

  test("without a mail server any more, the mail is held", async () => {
    const { tenant, payload } = await waiting();
    await createSendMail({ db, clock, smtpUrl: undefined, from: FROM })(payload, FIRST);
    const row = await only(tenant);
    assert.equal(row.status, "held");
    assert.match(row.last_error ?? "", /SMTP_URL/);
  });

  test("a mail that is not there any more, or is another tenant's, is nobody's work", async () => {
    const { tenant, mail } = await waiting();
    const other = await world.tenant();
    await sendMail({ workspaceId: other.workspace.id, mailId: mail.id }, FIRST);
    const row = await only(tenant);
    assert.deepEqual([row.status, row.attempts], ["pending", 0]);
  });
});
