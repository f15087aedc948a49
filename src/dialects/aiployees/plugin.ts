import { bearerToken, businessOf } from "../kit/authenticate.ts";
import type { Dialect } from "../kit/dialect.ts";

export const aiployees: Dialect = {
  name: "aiployees",
  title: "Leadline: aiployees dialect",
  description: "",
  owns: (path) => path.startsWith("/__aiployees"),
  token: (request) => bearerToken(request),
  workspace: businessOf,
  present: (problem) => ({ status: 500, body: { error: problem.kind } }),
  mint: (number) => `${number}|skeleton${Math.random()}`,
  scopes: {},
  routes() {},
};
