import type { FastifyInstance } from "fastify";
import { Type } from "typebox";

interface Endpoint {
  method: string;
  path: string;
  summary: string;
}

/** yappr 1: `GET /` lists what there is, without a key. Reads the routes that are added to `app` after it. */
export function discoveryRoute(app: FastifyInstance): void {
  const endpoints: Endpoint[] = [];
  app.addHook("onRoute", ({ method, url, schema }) => {
    if (!schema?.summary || schema.hide || method === "HEAD") return;
    const path = url.replace(/:([A-Za-z_]+)/g, "{$1}");
    endpoints.push(...[method].flat().map((name) => ({ method: name, path, summary: schema.summary ?? "" })));
  });

  app.get(
    "/",
    {
      config: { public: true },
      schema: {
        tags: ["Discovery"],
        summary: "List endpoints",
        security: [],
        response: {
          200: Type.Object({
            name: Type.String(),
            documentation: Type.String(),
            endpoints: Type.Array(Type.Object({ method: Type.String(), path: Type.String(), summary: Type.String() })),
          }),
        },
      },
    },
    async () => ({ name: "Leadline", documentation: "/docs", endpoints }),
  );
}
