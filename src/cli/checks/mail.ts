import { createTransport } from "nodemailer";
import type { Config } from "../../config.ts";
import { sentence } from "../report.ts";
import { type Finding, note, ok, problem } from "./finding.ts";

const ABOUT = "mail";
const PATIENCE_MS = 5_000;

/** Connects and logs in; sends nothing. */
export async function checkMail(config: Config): Promise<Finding> {
  if (config.SMTP_URL === undefined) return note(ABOUT, "SMTP_URL is not set, so mails are held in the outbox: leadline outbox list");
  const transport = createTransport({
    url: config.SMTP_URL,
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
  });
  try {
    await transport.verify();
    return ok(ABOUT, "The mail server of SMTP_URL takes our login.");
  } catch (error) {
    return problem(ABOUT, `The mail server of SMTP_URL cannot be used: ${sentence(error)}. Correct SMTP_URL, or see to the server.`);
  } finally {
    transport.close();
  }
}
