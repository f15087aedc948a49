import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Authenticator, Principal } from "../../core/api-keys/authenticate.ts";
import type { Context, House, Workspace } from "../../core/context.ts";
import { Forbidden, Unauthenticated } from "../../core/errors.ts";
import type { RateLimit } from "../../platform/http/rate-limit.ts";
import type { Dialect } from "./dialect.ts";
import { ProblemError } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The workspace and actor of a request with a key. */
    ctx: Context;
    principal: Principal;
  }
}

/** `Authorization: Bearer <key>`; further schemes give their own patterns, the key in the first group. */
export function bearerToken(request: FastifyRequest, ...schemes: RegExp[]): string {
  const header = request.headers.authorization;
  if (header === undefined || header.trim() === "") throw new Unauthenticated("missing");
  for (const scheme of [/^Bearer +(\S+)$/i, ...schemes]) {
    const token = scheme.exec(header.trim())?.[1];
    if (token) return token;
  }
  throw new Unauthenticated("malformed");
}

/** The key's own workspace, or for a partner's key the one that `X-On-Behalf-Of` names by uid or nickname. */
export async function businessOf(request: FastifyRequest, principal: Principal, authenticator: Authenticator): Promise<Workspace> {
  const named = request.headers["x-on-behalf-of"];
  if (principal.workspace && principal.kind !== "app") return principal.workspace;
  if (typeof named === "string" && named !== "") return authenticator.reach(principal, named);
  if (principal.workspace) return principal.workspace;
  throw new Forbidden("workspace");
}

/** Adds to `app` what every route with a key needs: who asks, how often, and in which workspace. */
export function authenticateRequests(
  app: FastifyInstance,
  dialect: Dialect,
  house: House,
  authenticator: Authenticator,
  rateLimit: RateLimit | undefined,
): void {
  app.decorateRequest("principal");
  app.decorateRequest("ctx");

  const enter = async (request: FastifyRequest) => {
    const workspace = await dialect.workspace(request, request.principal, authenticator);
    request.ctx = { ...house, workspace, actor: { keyId: request.principal.keyId, scopes: request.principal.scopes } };
  };

  app.addHook("onRequest", async (request, reply) => {
    if (isPublic(request)) return;
    request.principal = await authenticator.authenticate(dialect.token(request));
    if (rateLimit) await spend(rateLimit, request.principal.keyId, reply);
    if (!dialect.workspaceFromBody) await enter(request);
  });
  if (dialect.workspaceFromBody) {
    app.addHook("preValidation", async (request) => {
      if (!isPublic(request)) await enter(request);
    });
  }
}

function isPublic(request: FastifyRequest): boolean {
  const { public: open = false } = request.routeOptions.config;
  return typeof open === "function" ? open(request) : open;
}

async function spend(rateLimit: RateLimit, keyId: string, reply: FastifyReply): Promise<void> {
  const state = await rateLimit.take(keyId);
  reply.header("x-ratelimit-limit", state.limit);
  reply.header("x-ratelimit-remaining", state.remaining);
  reply.header("x-ratelimit-reset", Math.ceil(state.resetAt.getTime() / 1000));
  if (!state.exceeded) return;
  const retryAfterSeconds = Math.max(1, Math.ceil((state.resetAt.getTime() - Date.now()) / 1000));
  throw new ProblemError({ kind: "rate_limited", retryAfterSeconds });
}
