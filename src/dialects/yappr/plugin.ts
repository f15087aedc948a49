import { randomBytes } from "node:crypto";
import { bearerToken, businessOf } from "../kit/authenticate.ts";
import type { Dialect } from "../kit/dialect.ts";
import { agentRoutes } from "./agents.ts";
import { callRoutes } from "./calls.ts";
import { discoveryRoute } from "./discovery.ts";
import { doNotCallRoutes } from "./do-not-call.ts";
import { present } from "./errors.ts";
import { leadRoutes } from "./leads.ts";
import { phoneNumberRoutes } from "./phone-numbers.ts";
import { recordingRoute, recordingUrl } from "./recording.ts";
import { scopes } from "./scopes.ts";

export const yappr: Dialect = {
  name: "yappr",
  title: "Leadline: Yappr dialect",
  description: "What talks to api.goyappr.com talks to Leadline by changing the base URL and the key.",
  // It has no prefix of its own, so it takes what the other dialects leave.
  owns: () => true,
  token: (request) => bearerToken(request),
  workspace: businessOf,
  present,
  mint: () => `ypr_live_${randomBytes(24).toString("hex")}`,
  scopes,
  routes(app, house, publicUrl) {
    discoveryRoute(app);
    leadRoutes(app);
    agentRoutes(app);
    callRoutes(app, recordingUrl(house, publicUrl));
    recordingRoute(app, house);
    doNotCallRoutes(app);
    phoneNumberRoutes(app);
  },
};
