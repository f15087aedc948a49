import type { Agent } from "../../core/agents/agent.ts";

/** yappr 4.1. */
export function presentAgent({ id, settings, is_active, created_at, updated_at }: Agent) {
  const { type, ...rest } = settings;
  return {
    id,
    type,
    flow_config: null,
    ...rest,
    is_active,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

export const presentAgentWithTools = (agent: Agent) => ({ ...presentAgent(agent), tools: [] });

export function presentEmbeddedAgent(agent: Agent) {
  const { webhook_headers: _secret, ...rest } = presentAgent(agent);
  return rest;
}
