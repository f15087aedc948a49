import { randomBytes } from "node:crypto";
import { bearerToken, businessOf } from "../kit/authenticate.ts";
import type { Dialect } from "../kit/dialect.ts";
import { assistantRoutes } from "./assistants.ts";
import { campaignRoutes } from "./campaigns.ts";
import { present } from "./errors.ts";
import { leadRoutes } from "./leads.ts";
import { acceptLeniently } from "./lenient.ts";
import { scopes } from "./scopes.ts";

export const aiployees: Dialect = {
  name: "aiployees",
  title: "Leadline: Aiployees dialect",
  description: "What talks to call.aiployees.com/api, or a sibling of it, talks to Leadline by changing the base URL and the key.",
  owns: (path) => path === "/api" || path.startsWith("/api/"),
  token: (request) => bearerToken(request),
  workspace: businessOf,
  present,
  mint: (number) => `${number}|${randomBytes(24).toString("hex")}`,
  scopes,
  routes(app, _house, publicUrl) {
    acceptLeniently(app);
    leadRoutes(app, publicUrl);
    campaignRoutes(app);
    assistantRoutes(app);
  },
};
