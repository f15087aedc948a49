import { SCOPES, type Scope } from "../../core/scopes.ts";

/** yappr 2, as far as there are endpoints for it here. `*` is ours. */
export const scopes: Readonly<Record<string, readonly Scope[]>> = {
  "agents:create": ["agents:create"],
  "agents:read": ["agents:read"],
  "agents:update": ["agents:update"],
  "phone_numbers:search": ["phone_numbers:read"],
  "calls:create": ["calls:create"],
  "calls:read": ["calls:read"],
  "do_not_call:read": ["do_not_call:read"],
  "do_not_call:manage": ["do_not_call:write"],
  "leads:read": ["leads:read"],
  "leads:manage": ["leads:write"],
  "lead_tags:read": ["tags:read"],
  "lead_tags:manage": ["tags:write"],
  "campaigns:read": ["campaigns:read"],
  "campaigns:manage": ["campaigns:write"],
  "*": SCOPES,
};

/** The scope that a key lacks, in this dialect's words. */
export const scopeName = (scope: string | undefined): string =>
  Object.entries(scopes).find(([name, opened]) => name !== "*" && opened.some((one) => one === scope))?.[0] ?? scope ?? "*";
