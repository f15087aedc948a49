import { SCOPES, type Scope } from "../../core/scopes.ts";

/** vCita's tokens open everything that their kind may; these narrower ones are ours. `directory` is a partner's (vcita 5). */
export const scopes: Readonly<Record<string, readonly Scope[]>> = {
  "leads:write": ["leads:write"],
  "clients:read": ["leads:read"],
  "conversations:read": ["conversations:read"],
  directory: SCOPES,
  "*": SCOPES,
};
