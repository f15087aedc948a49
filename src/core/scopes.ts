/** What a key may be allowed to do. Dialects have their own names for these and map them (`scopes.ts` of each). */
export const SCOPES = [
  "leads:read",
  "leads:write",
  "tags:read",
  "tags:write",
  "lists:read",
  "lists:write",
  "agents:read",
  "agents:create",
  "agents:update",
  "phone_numbers:read",
  "phone_numbers:write",
  "calls:read",
  "calls:create",
  "do_not_call:read",
  "do_not_call:write",
  "campaigns:read",
  "campaigns:write",
  "conversations:read",
] as const;

export type Scope = (typeof SCOPES)[number];

export const isScope = (value: string): value is Scope => (SCOPES as readonly string[]).includes(value);
