import apiReference from "@scalar/fastify-api-reference";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from "fastify";
import type { Log } from "../platform/log.ts";
import { DIALECTS } from "./dialects.ts";
import type { Dialect } from "./kit/dialect.ts";
import { type Problem, toProblem } from "./kit/problem.ts";
import { answer, type RegisterOptions, registerDialect } from "./kit/register.ts";

export interface ServerOptions extends RegisterOptions {
  log: Log;
  /** Rejects with the reason when the process cannot serve. */
  ready: () => Promise<void>;
}

/** The HTTP server with all four dialects, the health checks and the API descriptions; not listening yet. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: !options.log.isLevelEnabled("debug") }),
    bodyLimit: 1024 * 1024,
    forceCloseConnections: "idle",
    // A request arrives whole within this time, or not at all.
    requestTimeout: 30_000,
    // A target in absolute form is asked for like its path (RFC 9112 3.2.2).
    rewriteUrl: ({ url = "/" }) => url.replace(/^https?:\/\/[^/?]*\/?/i, "/"),
    frameworkErrors: (error, request, reply) => {
      const dialect = owner(pathOf(request));
      void answer(reply, dialect, { kind: "bad_url" }, request, error);
    },
  }) as unknown as FastifyInstance;

  // What no route takes is answered before its body is read, whoever sent it.
  app.addHook("onRequest", async (request, reply) => (request.is404 ? answerUnknown(request, reply) : undefined));
  app.setErrorHandler((error, request, reply) => answer(reply, owner(pathOf(request)), toProblem(error, request), request, error));

  // While the server closes, a connection ends with the answer that is under way on it.
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onSend", async (_request, reply) => {
    if (closing) reply.header("connection", "close");
  });

  const routes: Array<{ method: string; pattern: RegExp }> = [];
  app.addHook("onRoute", ({ method, url }) => {
    const pattern = new RegExp(`^${url.replace(/:[a-zA-Z_]+/g, "[^/]+").replace("*", ".*")}$`);
    for (const name of [method].flat()) routes.push({ method: name, pattern });
  });

  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    try {
      await options.ready();
      return { status: "ready" };
    } catch (error) {
      return reply.code(503).send({ status: "not ready", reason: (error as Error).message });
    }
  });

  for (const dialect of DIALECTS) registerDialect(app, dialect, options);
  await app.register(apiReference, {
    routePrefix: "/docs",
    configuration: {
      pageTitle: "Leadline API",
      sources: DIALECTS.map(({ name, title }) => ({ title, slug: name, url: `/docs/${name}.json` })),
      telemetry: false,
      showDeveloperTools: "never",
      withDefaultFonts: false,
      hideClientButton: true,
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  });

  const answerUnknown = (request: FastifyRequest, reply: FastifyReply) => {
    const path = pathOf(request);
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
    const problem: Problem =
      allowed.length > 0
        ? { kind: "method_not_allowed", method: request.method, path, allowed }
        : { kind: "route_not_found", method: request.method, path };
    return answer(reply, owner(path), problem, request);
  };
  return app;
}

const pathOf = (request: FastifyRequest): string => request.url.split("?", 1)[0] ?? "/";

function owner(path: string): Dialect {
  return DIALECTS.find((dialect) => dialect.owns(path)) ?? (DIALECTS[DIALECTS.length - 1] as Dialect);
}
