import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { listOutbox } from "../../../src/core/outbox/listOutbox.ts";
import { createSendMail } from "../../../src/core/outbox/sendMail.ts";
import { startJobs } from "../../../src/platform/jobs/startJobs.ts";
import { createLog } from "../../../src/platform/log.ts";
import { startMailbox } from "../../core/outbox/support.ts";
import { startWorld, type Tenant } from "../../support/world.ts";
import { lead, newEmail } from "./support.ts";

const world = await startWorld();
const mailbox = await startMailbox();
const mailing = await startWorld({ environment: { SMTP_URL: mailbox.url, MAIL_FROM: "Leads <leads@example.com>" } });

const outbox = async (tenant: Tenant) => (await listOutbox(tenant.ctx, {}, { limit: 100 })).reverse();

async function owner(tenant: Tenant, values: { email: string | null; phone: string | null }, house = world.house) {
  await house.db.pool.query("update workspaces set owner_email = $2, owner_phone = $3 where id = $1", [
    tenant.workspace.id,
    values.email,
    values.phone,
  ]);
}

describe("notifications (vcita 4.4)", () => {
  test("nothing is written when none are asked for, and unknown words are ignored", async () => {
    const tenant = await world.tenant();
    const { token } = await tenant.key("vcita");
    await lead(world, token);
    await lead(world, token, { notifications: "" });
    await lead(world, token, { notifications: "fax, pigeon,, autoreply" });
    assert.deepEqual(await outbox(tenant), []);
  });

  test("auto-reply to the lead, e-mail and text message to the owner; without a mail server they are held, readable", async () => {
    const tenant = await world.tenant();
    await owner(tenant, { email: "olga@example.com", phone: "+972501112233" });
    const { token } = await tenant.key("vcita");
    const email = newEmail();
    await lead(world, token, {
      email,
      last_name: "Smith",
      phone: "+972501234567",
      notifications: " Auto_Reply , email,SMS, email",
      request_data: { Company: "Acme" },
      message_data: { Form: "footer" },
      system_message: "See https://example.com/landing",
      source: "Landing page",
      source_url: "https://example.com/landing",
    });
    const messages = await outbox(tenant);
    assert.deepEqual(
      messages.map(({ channel, purpose, recipient, subject, status }) => ({ channel, purpose, recipient, subject, status })),
      [
        {
          channel: "email",
          purpose: "auto_reply",
          recipient: email,
          subject: "Thank you for contacting Test clinic",
          status: "held",
        },
        {
          channel: "email",
          purpose: "owner_alert",
          recipient: "olga@example.com",
          subject: "New request from Jane Smith: Quote request",
          status: "held",
        },
        { channel: "sms", purpose: "owner_alert", recipient: "+972501112233", subject: null, status: "held" },
      ],
    );
    const [reply, alert, text] = messages;
    assert.match(reply?.body ?? "", /^Hello Jane,/);
    assert.match(reply?.body ?? "", /"Quote request"/);
    assert.doesNotMatch(reply?.body ?? "", /Acme|landing/);
    for (const part of [
      /Phone: \+972501234567/,
      new RegExp(`E-mail: ${email}`),
      /See https/,
      /Company: Acme\nForm: footer/,
      /Source: Landing page/,
    ]) {
      assert.match(alert?.body ?? "", part);
    }
    assert.equal(text?.body, "New request from Jane Smith: Quote request, +972501234567");
    assert.match(reply?.last_error ?? "", /SMTP_URL/);
    assert.match(text?.last_error ?? "", /carrier for text messages/);
  });

  test("somebody without an address is told nothing, and the outbox says so", async () => {
    const tenant = await world.tenant();
    await owner(tenant, { email: null, phone: null });
    const { token } = await tenant.key("vcita");
    await lead(world, token, { identifier_type: "unique_id", unique_id: "1", email: null, notifications: "auto-reply,email,sms" });
    assert.deepEqual(
      (await outbox(tenant)).map(({ recipient, status, last_error }) => [recipient, status, last_error]),
      [
        [null, "held", "The lead has no e-mail address."],
        [null, "held", "The business owner has no e-mail address."],
        [null, "held", "The business owner has no phone number."],
      ],
    );
  });

  test("the auto-reply goes to who wrote, not to whom a shared unique_id leads (vcita 4.4)", async () => {
    const tenant = await world.tenant();
    const { token } = await tenant.key("vcita");
    const [first, second] = [newEmail(), newEmail()];
    for (const email of [first, second]) {
      await lead(world, token, { identifier_type: "unique_id", unique_id: "same", email, notifications: "auto-reply" });
    }
    assert.deepEqual(
      (await outbox(tenant)).map(({ recipient }) => recipient),
      [first, second],
    );
  });

  test("with a mail server the mails arrive, in the order of the jobs, each once; the text message stays", async () => {
    const tenant = await mailing.tenant({ ownerEmail: "olga@example.com" });
    const { token } = await tenant.key("vcita");
    const email = newEmail();
    await lead(mailing, token, { email, notifications: "auto-reply,email,sms", request_title: "Roof\r\nBcc: x@example.com" });
    assert.deepEqual(
      (await outbox(tenant)).map(({ status }) => status),
      ["pending", "pending", "held"],
    );
    const send = createSendMail({
      db: mailing.house.db,
      clock: mailing.house.clock,
      smtpUrl: mailing.config.SMTP_URL,
      from: mailing.config.MAIL_FROM,
    });
    const finished = new EventTarget();
    let left = 2;
    const done = once(finished, "all", { signal: AbortSignal.timeout(20_000) });
    const runner = await startJobs({
      pool: mailing.house.db.pool,
      tasks: {
        deliver_webhook: async () => undefined,
        clean_up: async () => undefined,
        clean_up_recordings: async () => undefined,
        async send_mail(payload, attempt) {
          await send(payload, attempt);
          if (--left === 0) finished.dispatchEvent(new Event("all"));
        },
      },
      log: createLog("silent"),
    });
    await done;
    await runner.close();
    assert.deepEqual(mailbox.mails.flatMap(({ to }) => to).sort(), [email, "olga@example.com"].sort());
    assert.ok(mailbox.mails.every(({ headers }) => headers.get("from") === "Leads <leads@example.com>" && !headers.has("bcc")));
    assert.deepEqual(
      (await outbox(tenant)).map(({ status, attempts }) => [status, attempts]),
      [
        ["sent", 1],
        ["sent", 1],
        ["held", 0],
      ],
    );
  });
});
