import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { createAgent } from "../../core/agents/createAgent.ts";
import { deactivateAgent } from "../../core/agents/deactivateAgent.ts";
import { getAgent } from "../../core/agents/getAgent.ts";
import { listAgents } from "../../core/agents/listAgents.ts";
import { updateAgent } from "../../core/agents/updateAgent.ts";
import {
  AgentParams,
  AgentReply,
  AgentsReply,
  AgentWithToolsReply,
  CreateAgentBody,
  ListAgentsQuery,
  SuccessReply,
  settingFields,
  UpdateAgentBody,
} from "./agents.schema.ts";
import { page } from "./page.ts";
import { presentAgent, presentAgentWithTools } from "./present-agent.ts";

export function agentRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    "/agents",
    { schema: { tags: ["Agents"], summary: "Create agent", body: CreateAgentBody, response: { 200: AgentReply, 201: AgentReply } } },
    async (request, reply) => {
      const { body } = request;
      const { agent, existed } = await createAgent(request.ctx, {
        settings: settingsOf(body),
        ...(body.idempotency_key ? { idempotencyKey: body.idempotency_key.toLowerCase() } : {}),
      });
      return reply.code(existed ? 200 : 201).send(presentAgent(agent));
    },
  );

  app.get(
    "/agents",
    { schema: { tags: ["Agents"], summary: "List agents", querystring: ListAgentsQuery, response: { 200: AgentsReply } } },
    async (request) => {
      const { agents, total } = await listAgents(request.ctx, request.query);
      return page(agents.map(presentAgentWithTools), total, request.query);
    },
  );

  app.get(
    "/agents/:id",
    { schema: { tags: ["Agents"], summary: "Get agent", params: AgentParams, response: { 200: AgentWithToolsReply } } },
    async (request) => presentAgentWithTools(await getAgent(request.ctx, request.params.id)),
  );

  app.patch(
    "/agents/:id",
    { schema: { tags: ["Agents"], summary: "Update agent", params: AgentParams, body: UpdateAgentBody, response: { 200: AgentReply } } },
    async (request) => {
      const { body, params } = request;
      const agent = await updateAgent(request.ctx, params.id, {
        settings: settingsOf(body),
        ...(body.is_active !== undefined ? { isActive: body.is_active } : {}),
      });
      return presentAgent(agent);
    },
  );

  app.delete(
    "/agents/:id",
    { schema: { tags: ["Agents"], summary: "Deactivate agent", params: AgentParams, response: { 200: SuccessReply } } },
    async (request) => {
      await deactivateAgent(request.ctx, request.params.id);
      return { success: true as const };
    },
  );
}

type SettingName = keyof typeof settingFields;

/** The settings that a body holds, and nothing else of it: each was judged by its schema, and no other name gets through. */
const settingsOf = <B extends { [Name in SettingName]?: unknown }>(body: B): Pick<B, keyof B & SettingName> =>
  Object.fromEntries(Object.entries(body).filter(([name]) => Object.hasOwn(settingFields, name))) as Pick<B, keyof B & SettingName>;
