import apiReference from "@scalar/fastify-api-reference";
import { type FastifyInstance, type FastifyRequest, fastify, LogController } from "fastify";
import type { Log } from "../platform/log.ts";
import { DIALECTS } from "./dialects.ts";
import type { Dialect } from "./kit/dialect.ts";
import type { Problem } from "./kit/problem.ts";
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
    frameworkErrors: (error, request, reply) => {
      const dialect = owner(pathOf(request));
      void answer(reply, dialect, { kind: "bad_url" }, request, error);
    },
  }) as unknown as FastifyInstance;

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

  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
    const problem: Problem =
      allowed.length > 0
        ? { kind: "method_not_allowed", method: request.method, path, allowed }
        : { kind: "route_not_found", method: request.method, path };
    return answer(reply, owner(path), problem, request);
  });
  return app;
}

const pathOf = (request: FastifyRequest): string => request.url.split("?", 1)[0] ?? "/";

function owner(path: string): Dialect {
  return DIALECTS.find((dialect) => dialect.owns(path)) ?? (DIALECTS[DIALECTS.length - 1] as Dialect);
}
