import { SCOPES, type Scope } from "../../core/scopes.ts";

/** Keys have no scopes of their own here (aiployees 1.1): one opens everything. */
export const scopes: Readonly<Record<string, readonly Scope[]>> = { "*": SCOPES };
