import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Authenticator } from "../../core/api-keys/authenticate.ts";
import type { House } from "../../core/context.ts";
import { acceptJson } from "../../platform/http/json-body.ts";
import type { RateLimit } from "../../platform/http/rate-limit.ts";
import { validatorCompiler } from "../../platform/http/validator.ts";
import { authenticateRequests } from "./authenticate.ts";
import type { Answer, Dialect } from "./dialect.ts";
import { type Problem, ProblemError, toProblem } from "./problem.ts";

export interface RegisterOptions {
  house: House;
  authenticator: Authenticator;
  rateLimit: RateLimit | undefined;
  publicUrl: string;
}

/** Adds a dialect to the server as a plugin of its own: its keys, its validation messages, its errors, its description. */
export function registerDialect(app: FastifyInstance, dialect: Dialect, options: RegisterOptions): void {
  app.register(async (scope) => {
    acceptJson(scope);
    scope.setValidatorCompiler(validatorCompiler);
    scope.setErrorHandler((error, request, reply) => answer(reply, dialect, toProblem(error, request), request, error));
    await scope.register(swagger, {
      openapi: {
        openapi: "3.1.0",
        info: { title: dialect.title, description: dialect.description, version: "1" },
        servers: [{ url: options.publicUrl }],
        components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
        security: [{ key: [] }],
      },
    });
    authenticateRequests(scope, dialect, options.house, options.authenticator, options.rateLimit);
    scope.addHook("preValidation", async (request) => {
      // U+0000 is no text that can be stored or looked for.
      if (request.url.includes("%00")) throw new ProblemError({ kind: "bad_url" });
      // A request without any body is judged by the schema too, as an empty object.
      if (request.body === undefined && request.routeOptions.schema?.body) request.body = {};
    });
    dialect.routes(scope, options.house, options.publicUrl);
    scope.get(`/docs/${dialect.name}.json`, { config: { public: true }, schema: { hide: true } }, async () => scope.swagger());
  });
}

/** Sends a problem in the dialect's words. What is our own fault is logged, and says nothing of its cause. */
export function answer(reply: FastifyReply, dialect: Dialect, problem: Problem, request: FastifyRequest, error?: unknown): FastifyReply {
  // Without the query: the signature of a link there is as good as a key.
  const path = request.url.split("?", 1)[0];
  if (problem.kind === "internal") request.log.error({ err: error, method: request.method, path }, "request failed");
  if (problem.kind === "unavailable") request.log.warn({ err: error }, "database unavailable");
  const { status, body, contentType, headers }: Answer = dialect.present(problem, request);
  reply.code(status);
  if (problem.kind === "rate_limited") reply.header("retry-after", problem.retryAfterSeconds);
  if (problem.kind === "unavailable") reply.header("retry-after", 1);
  if (problem.kind === "method_not_allowed") reply.header("allow", problem.allowed.join(", "));
  if (headers) reply.headers(headers);
  reply.serializer(typeof body === "string" ? String : JSON.stringify);
  reply.type(contentType ?? (typeof body === "string" ? "text/plain; charset=utf-8" : "application/json; charset=utf-8"));
  return reply.send(body);
}
