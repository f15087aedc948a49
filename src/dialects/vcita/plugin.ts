import { bearerToken, businessOf } from "../kit/authenticate.ts";
import type { Dialect } from "../kit/dialect.ts";

export const vcita: Dialect = {
  name: "vcita",
  title: "Leadline: vcita dialect",
  description: "",
  owns: (path) => path.startsWith("/__vcita"),
  token: (request) => bearerToken(request),
  workspace: businessOf,
  present: (problem) => ({ status: 500, body: { error: problem.kind } }),
  mint: (number) => `${number}|skeleton${Math.random()}`,
  scopes: {},
  routes() {},
};
