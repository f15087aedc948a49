import { SCOPES, type Scope } from "../../core/scopes.ts";

/** topcalls 1.2. `lists:*` is ours, as lists have no API of their own there (topcalls 13). */
export const scopes: Readonly<Record<string, readonly Scope[]>> = {
  "leads:read": ["leads:read"],
  "leads:write": ["leads:write"],
  "lists:read": ["lists:read"],
  "lists:write": ["lists:write"],
  "calls:read": ["calls:read"],
  "calls:write": ["calls:create"],
  "campaigns:read": ["campaigns:read"],
  "campaigns:write": ["campaigns:write"],
  "phone_numbers:read": ["phone_numbers:read"],
  "*": SCOPES,
};
