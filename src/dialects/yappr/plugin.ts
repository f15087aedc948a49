import { bearerToken, businessOf } from "../kit/authenticate.ts";
import type { Dialect } from "../kit/dialect.ts";

export const yappr: Dialect = {
  name: "yappr",
  title: "Leadline: yappr dialect",
  description: "",
  owns: (path) => path.startsWith("/__yappr"),
  token: (request) => bearerToken(request),
  workspace: businessOf,
  present: (problem) => ({ status: 500, body: { error: problem.kind } }),
  mint: (number) => `${number}|skeleton${Math.random()}`,
  scopes: {},
  routes() {},
};
