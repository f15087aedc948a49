import { randomBytes } from "node:crypto";
import { newId, uidOf } from "../../platform/ids.ts";
import { isCountry, toE164 } from "../../platform/phone.ts";
import { sqlState } from "../../platform/postgres/database.ts";
import { isTimeZone } from "../../platform/time-zone.ts";
import type { House, Workspace } from "../context.ts";
import { Conflict, type InputIssue, InvalidInput, NotFound } from "../errors.ts";
import { toWorkspace } from "./workspace.ts";

export interface CreateWorkspace {
  name: string;
  /** At least 5 of `[a-z0-9.]`, one letter among them; unique over the installation (vcita 2). */
  nickname?: string | null;
  timeZone: string;
  country: string;
  /** Calls at once. */
  callLimit?: number;
  directoryId?: string | null;
  owner?: { name?: string; email?: string; phone?: string };
}

const UNIQUE_VIOLATION = "23505";
const FOREIGN_KEY_VIOLATION = "23503";

/**
 * Makes a tenant. `webhookSecret` (`whsec_...`, Standard Webhooks) is given here once and kept sealed.
 * Throws InvalidInput("name" | "nickname" | "timeZone" | "country" | "callLimit" | "owner"), Conflict("name_taken"), NotFound("workspace") for the directory.
 */
export async function createWorkspace(house: House, input: CreateWorkspace): Promise<{ workspace: Workspace; webhookSecret: string }> {
  const issues = check(input);
  if (issues.length > 0) throw new InvalidInput(issues);
  const webhookSecret = newWebhookSecret();
  const now = house.clock.now();
  const id = newId();
  try {
    const row = await house.db.transaction(async (tx) => {
      const inserted = await tx
        .insertInto("workspaces")
        .values({
          id,
          uid: uidOf(id),
          nickname: input.nickname ?? null,
          name: input.name.trim(),
          directory_id: input.directoryId ?? null,
          time_zone: input.timeZone,
          country: input.country,
          call_limit: input.callLimit ?? DEFAULT_CALL_LIMIT,
          owner_name: input.owner?.name ?? null,
          owner_email: input.owner?.email ?? null,
          owner_phone: toE164(input.owner?.phone ?? "", input.country) ?? null,
          webhook_secret: house.secrets.seal(webhookSecret),
          created_at: now,
          updated_at: now,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      await tx.insertInto("workspace_capacity").values({ workspace_id: id }).execute();
      return inserted;
    });
    return { workspace: toWorkspace(row), webhookSecret };
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw new Conflict("name_taken", `The nickname ${input.nickname} is taken.`);
    if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new NotFound("workspace", input.directoryId ?? "");
    throw error;
  }
}

export const DEFAULT_CALL_LIMIT = 10;

/** In the form of Standard Webhooks. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(24).toString("base64")}`;

function check(input: CreateWorkspace): InputIssue[] {
  const issues: InputIssue[] = [];
  const wrong = (path: string, code: string, message: string) => issues.push({ path: path.split("."), code, message });
  if (input.name.trim() === "" || input.name.length > 200) wrong("name", "invalid", "The name must have 1 to 200 characters.");
  if (input.nickname != null && /^[a-z0-9]{16}$/.test(input.nickname)) {
    wrong(
      "nickname",
      "invalid",
      "A nickname of 16 letters and digits could be a workspace's uid. Make it longer, shorter, or put a dot in it.",
    );
  } else if (input.nickname != null && !/^(?=.*[a-z])[a-z0-9.]{5,64}$/.test(input.nickname)) {
    wrong("nickname", "invalid", "The nickname must have 5 to 64 of the characters a-z, 0-9 and dot, with one letter at least.");
  }
  if (!isTimeZone(input.timeZone)) wrong("timeZone", "invalid", `${input.timeZone} is no IANA time zone.`);
  if (!isCountry(input.country)) wrong("country", "invalid", `${input.country} is no ISO 3166-1 country code.`);
  if (input.callLimit !== undefined && (!Number.isInteger(input.callLimit) || input.callLimit < 0 || input.callLimit > 10_000)) {
    wrong("callLimit", "invalid", "The call limit must be a whole number from 0 to 10000.");
  }
  const { name, email, phone } = input.owner ?? {};
  if (name !== undefined && (name.trim() === "" || name.length > 200)) {
    wrong("owner.name", "invalid", "The owner's name must have 1 to 200 characters.");
  }
  if (email !== undefined && (email.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(email))) {
    wrong("owner.email", "invalid", `The owner's email must be an address such as olga@example.com, not ${email}.`);
  }
  if (phone !== undefined && toE164(phone, input.country) === undefined) {
    wrong("owner.phone", "invalid_phone_number", "The owner's phone number cannot be read as an E.164 number.");
  }
  return issues;
}
