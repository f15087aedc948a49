import { randomBytes } from "node:crypto";
import { bearerToken, businessOf } from "../kit/authenticate.ts";
import type { Dialect } from "../kit/dialect.ts";
import { present } from "./errors.ts";
import { leadRoutes } from "./leads.ts";
import { listRoutes } from "./lists.ts";
import { scopes } from "./scopes.ts";

export const topcalls: Dialect = {
  name: "topcalls",
  title: "Leadline: TopCalls dialect",
  description: "What talks to api.topcalls.ai talks to Leadline by changing the base URL and the key.",
  owns: (path) => path === "/v1" || (path.startsWith("/v1/") && !path.startsWith("/v1/partners/")),
  token: (request) => bearerToken(request),
  workspace: businessOf,
  present,
  mint: () => `tc_live_${randomBytes(24).toString("hex")}`,
  scopes,
  routes(app) {
    leadRoutes(app);
    listRoutes(app);
  },
};
