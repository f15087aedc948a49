import { randomBytes } from "node:crypto";
import { bearerToken } from "../kit/authenticate.ts";
import type { Dialect } from "../kit/dialect.ts";
import { businessOf } from "./business.ts";
import { clientRoutes } from "./clients.ts";
import { conversationRoutes } from "./conversations.ts";
import { present } from "./errors.ts";
import { familyOf } from "./families.ts";
import { acceptForms } from "./forms.ts";
import { leadRoutes } from "./leads.ts";
import { scopes } from "./scopes.ts";

export const vcita: Dialect = {
  name: "vcita",
  title: "Leadline: vCita dialect",
  description: "What talks to api.vcita.biz talks to Leadline by changing the base URL and the token.",
  owns: (path) => familyOf(path) !== undefined,
  // vcita 2: clients write all three.
  token: (request) => bearerToken(request, /^Token +token="?([^\s",;]+)"?/i, /^Token +(\S+)$/i),
  workspace: businessOf,
  workspaceFromBody: true,
  present,
  mint: () => randomBytes(32).toString("hex"),
  scopes,
  routes(app) {
    acceptForms(app);
    leadRoutes(app);
    clientRoutes(app);
    conversationRoutes(app);
  },
};
