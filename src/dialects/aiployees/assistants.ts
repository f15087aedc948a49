import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { listAgents } from "../../core/agents/listAgents.ts";
import { Nullable } from "../kit/schema.ts";
import { presentAssistant } from "./present.ts";

const Assistant = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  type: Type.String(),
  status: Type.String(),
  initial_message: Nullable(Type.String()),
  system_prompt: Nullable(Type.String()),
  webhook_url: Nullable(Type.String()),
  is_webhook_active: Type.Boolean(),
  created_at: Type.String(),
  updated_at: Type.String(),
});

/** Where the `assistant_id` of a campaign comes from. */
export function assistantRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    "/api/user/assistants/outbound",
    { schema: { tags: ["Assistants"], summary: "List outbound assistants", response: { 200: Type.Array(Assistant) } } },
    async (request) => {
      // An array without pages (aiployees 7.1); a workspace has few agents.
      const { agents } = await listAgents(request.ctx, { limit: Number.MAX_SAFE_INTEGER, offset: 0 });
      return agents.filter((agent) => agent.is_active).map(presentAssistant);
    },
  );
}
