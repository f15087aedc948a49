import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { createList } from "../../core/lists/createList.ts";
import { listLists } from "../../core/lists/listLists.ts";
import { DateTime, Nullable, Uuid } from "../kit/schema.ts";
import { fromCursor, page } from "./cursor.ts";
import { presentList } from "./present.ts";

const ListReply = Type.Object({
  id: Uuid(),
  account_id: Uuid(),
  name: Type.String(),
  lead_count: Type.Integer(),
  created_at: DateTime(),
  updated_at: DateTime(),
});

/** Leadline's own: TopCalls mints lists in its dashboard only (topcalls 13). */
export function listRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    "/v1/lists",
    {
      schema: {
        tags: ["Lists"],
        summary: "Create a list",
        body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }),
        response: { 201: ListReply },
      },
    },
    async (request, reply) => reply.code(201).send(presentList({ ...(await createList(request.ctx, request.body)), lead_count: 0 })),
  );

  app.get(
    "/v1/lists",
    {
      schema: {
        tags: ["Lists"],
        summary: "List lists",
        querystring: Type.Object({
          cursor: Type.Optional(Type.String({ maxLength: 200 })),
          limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
        }),
        response: { 200: Type.Object({ items: Type.Array(ListReply), has_more: Type.Boolean(), next_cursor: Nullable(Type.String()) }) },
      },
    },
    async (request) => {
      const { cursor, limit } = request.query;
      const lists = await listLists(request.ctx, { limit: limit + 1, ...(cursor !== undefined ? { after: fromCursor(cursor) } : {}) });
      return page(lists, limit, presentList);
    },
  );
}
