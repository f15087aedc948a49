import { newId } from "../../platform/ids.ts";
import { canonicalPhone, isE164 } from "../../platform/phone.ts";
import { type Context, requireScope } from "../context.ts";
import { type InputIssue, InvalidInput } from "../errors.ts";
import type { JsonObject } from "../tables.ts";
import type { ContactView } from "./contact.ts";
import { type ContactDraft, storeContacts } from "./storeContacts.ts";

export interface NewContact {
  /** E.164. */
  phone: string;
  /** What the agent may say about this contact; any JSON values. */
  variables?: JsonObject;
  /** What is known of the person, for the lead that is made when the phone is nobody's yet. */
  person?: { name?: string; firstName?: string | null; lastName?: string | null; email?: string | null };
}

export interface AddContact extends NewContact {
  campaignNumber: number;
  /** Lets a phone in that is a primary contact of the campaign already. */
  allowDuplicate?: boolean;
  /** Called in this order while nobody answers. */
  secondaries?: readonly NewContact[];
}

const MAX_SECONDARIES = 10;
const MAX_VARIABLES = 100;
const MAX_VARIABLE_NAME = 100;
const MAX_VARIABLES_BYTES = 16_384;

/**
 * Puts a person in a campaign, with secondary contacts: all of them or none. Each contact is the workspace's lead with that
 * phone, made when missing, and is blocked from the start when the number is on the Do-Not-Call list for the campaign's agent.
 * Concurrent calls share one commit.
 * Throws InvalidInput("phone" | "variables" | "secondaries"), NotFound("campaign"), Conflict("duplicate_contact").
 */
export async function addContact(ctx: Context, input: AddContact): Promise<ContactView> {
  requireScope(ctx, "leads:write");
  const primary = canonical(input);
  const secondaries = (input.secondaries ?? []).map(canonical);
  const issues = [...checkContact(primary, []), ...checkSecondaries(primary.phone, secondaries)];
  if (issues.length > 0) throw new InvalidInput(issues);
  const now = ctx.clock.now();
  const draft = (contact: NewContact): ContactDraft => {
    const { name, firstName, lastName, email } = contact.person ?? {};
    return {
      id: newId(),
      variables: contact.variables ?? {},
      lead: {
        workspace_id: ctx.workspace.id,
        id: newId(),
        lookup: "phone",
        name: name ?? "",
        first_name: firstName ?? null,
        last_name: lastName ?? null,
        phone: contact.phone,
        email: email?.toLowerCase() ?? null,
        origin: "api",
        now,
      },
    };
  };
  return ctx.db.together(storeContacts, {
    workspaceId: ctx.workspace.id,
    campaignNumber: input.campaignNumber,
    allowDuplicate: input.allowDuplicate ?? false,
    primary: draft(primary),
    secondaries: secondaries.map(draft),
    now,
  });
}

const canonical = <C extends NewContact>(contact: C): C =>
  isE164(contact.phone) ? { ...contact, phone: canonicalPhone(contact.phone) } : contact;

function checkSecondaries(primary: string, secondaries: readonly NewContact[]): InputIssue[] {
  const issues = secondaries.flatMap((contact, index) => checkContact(contact, ["secondaries", index]));
  if (secondaries.length > MAX_SECONDARIES) {
    issues.push({
      path: ["secondaries"],
      code: "too_many_items",
      message: `A contact may not have more than ${MAX_SECONDARIES} secondary contacts.`,
    });
  }
  const seen = new Set<string>();
  for (const [index, { phone }] of secondaries.entries()) {
    const path = ["secondaries", index, "phone"];
    if (phone === primary) issues.push({ path, code: "same_as_primary", message: "A secondary contact must differ from the primary one." });
    else if (seen.has(phone)) issues.push({ path, code: "repeated", message: "A secondary contact must be given once." });
    seen.add(phone);
  }
  return issues;
}

function checkContact(contact: NewContact, at: ReadonlyArray<string | number>): InputIssue[] {
  const issues: InputIssue[] = [];
  const wrong = (field: string, code: string, message: string) => issues.push({ path: [...at, field], code, message });
  if (!isE164(contact.phone)) wrong("phone", "invalid_phone_number", "The phone number is not an E.164 number.");
  const variables = contact.variables ?? {};
  const names = Object.keys(variables);
  if (names.length > MAX_VARIABLES) wrong("variables", "too_many_items", `There may not be more than ${MAX_VARIABLES} variables.`);
  else if (names.some((name) => name.trim() === "" || name.length > MAX_VARIABLE_NAME)) {
    wrong("variables", "invalid_name", `A variable's name must have 1 to ${MAX_VARIABLE_NAME} characters.`);
  } else if (Buffer.byteLength(JSON.stringify(variables)) > MAX_VARIABLES_BYTES) {
    wrong("variables", "too_large", `The variables may not be larger than ${MAX_VARIABLES_BYTES} bytes of JSON.`);
  }
  return issues;
}
