import { fullFormats } from "ajv-formats/dist/formats.js";
import type { NewContact } from "../../core/campaigns/addContact.ts";
import type { JsonObject } from "../../core/tables.ts";

/**
 * Who a contact is, as far as its variables say so by their usual names (aiployees 4.1, 9.1): `customer_name`, `name`,
 * `first_name`, `last_name`, `email`. What is no name or no address is left out; the variable itself stays.
 */
export function personOf(variables: JsonObject): NonNullable<NewContact["person"]> {
  const firstName = shortText(variables.first_name);
  const lastName = shortText(variables.last_name);
  const joined = [firstName, lastName].filter((part) => part !== null).join(" ");
  const email = shortText(variables.email);
  return {
    name: shortText(variables.customer_name) ?? shortText(variables.name) ?? joined,
    firstName,
    lastName,
    email: email !== null && email.length <= 254 && isEmail(email) ? email : null,
  };
}

const LONGEST_NAME = 500;

function shortText(value: unknown): string | null {
  const text = typeof value === "string" ? value.trim() : "";
  return text !== "" && text.length <= LONGEST_NAME ? text : null;
}

/** The same rule as for every email field. */
const { email: EMAIL } = fullFormats;
const isEmail = (text: string): boolean => EMAIL instanceof RegExp && EMAIL.test(text);
