import { Type } from "typebox";
import type { AgentSettings } from "../../core/agents/settings.ts";
import { DateTime, FreeObject, Nullable, StringEnum, Uuid } from "../kit/schema.ts";
import { Body, NOT_BLANK } from "./body.ts";
import { PageReply, pageQuery } from "./page.ts";

/** yappr 9.1; the last two are legacy events, which an agent may still name. Nothing here sends them. */
const WEBHOOK_EVENTS = [
  "call.started",
  "call.answered",
  "call.ended",
  "call.no_answer",
  "call.failed",
  "call.dnc_blocked",
  "transcript.ready",
  "call.analyzed",
] as const;

const extractionParameter = Type.Object({
  name: Type.String({ maxLength: 100, pattern: "^[a-z][A-Za-z0-9]*$" }),
  description: Type.String({ maxLength: 2_000, pattern: NOT_BLANK }),
});

/** yappr 4.1: what can be set of an agent, with the ranges. */
export const settingFields = {
  name: Type.String({ maxLength: 200, pattern: NOT_BLANK }),
  description: Nullable(Type.String({ maxLength: 5_000 })),
  system_prompt: Type.String({ maxLength: 200_000, pattern: NOT_BLANK }),
  voice: Type.String({ maxLength: 100, pattern: NOT_BLANK }),
  language: StringEnum(["he", "en"]),
  temperature: Type.Number({ minimum: 0, maximum: 2 }),
  greeting_message: Nullable(Type.String({ maxLength: 5_000 })),
  agent_speaks_first: Type.Boolean(),
  background_sound: Nullable(StringEnum(["call_center", "open_office", "cafe", "outdoor"])),
  background_sound_volume: Type.Number({ minimum: 0, maximum: 0.6 }),
  vad_stop_secs: Type.Number({ minimum: 0.05, maximum: 5 }),
  vad_start_secs: Type.Number({ minimum: 0.05, maximum: 2 }),
  vad_confidence: Type.Number({ minimum: 0, maximum: 1 }),
  silence_timeout_secs: Type.Integer({ minimum: 10, maximum: 900 }),
  max_continuous_speech_secs: Type.Integer({ minimum: 0, maximum: 300, description: "0: off." }),
  max_call_duration_secs: Type.Integer({ minimum: 0, maximum: 3600, description: "0: unlimited." }),
  lead_memory_enabled: Type.Boolean(),
  webhook_url: Nullable(Type.String({ maxLength: 2_048, pattern: "^[hH][tT][tT][pP][sS]?://" })),
  webhook_events: Nullable(Type.Array(StringEnum(WEBHOOK_EVENTS), { maxItems: 20, description: "null: every event." })),
  webhook_headers: Type.Unsafe<Record<string, string>>({
    type: "object",
    maxProperties: 50,
    additionalProperties: { type: "string", maxLength: 4_096 },
  }),
  extraction_parameters: Type.Array(extractionParameter, { maxItems: 100 }),
  recording_enabled: Type.Boolean({ description: "Ours: calls of this agent are recorded. Default: true." }),
  keypad_actions: Type.Unsafe<AgentSettings["keypad_actions"]>({
    type: "object",
    maxProperties: 12,
    additionalProperties: {
      type: "object",
      required: ["action"],
      properties: { action: { type: "string", enum: ["hang_up", "transfer"] }, to: { type: "string", description: "E.164." } },
      additionalProperties: false,
    },
    description: "Ours: what a key press of the other party does, by key: 0 to 9, * and #. Other keys do nothing. Default: {}.",
    examples: [{ "9": { action: "hang_up" }, "0": { action: "transfer", to: "+972501234567" } }],
  }),
};

const { name, system_prompt, language } = settingFields;
const optional = Type.Partial(Type.Object(settingFields)).properties;

export const CreateAgentBody = Body({
  ...optional,
  name,
  system_prompt,
  language,
  idempotency_key: Type.Optional(Uuid({ description: "Sent again, it answers 200 with the agent that is there." })),
  type: Type.Optional(StringEnum(["prompt"])),
  flow_config: Type.Optional(Type.Null()),
});

export const UpdateAgentBody = Body({ ...optional, is_active: Type.Optional(Type.Boolean()) }, { refused: ["type", "flow_config"] });

const agentFields = {
  id: Uuid(),
  type: StringEnum(["prompt"]),
  flow_config: Type.Null(),
  ...settingFields,
  language: Type.String(),
  background_sound: Nullable(Type.String()),
  webhook_events: Nullable(Type.Array(Type.String())),
  is_active: Type.Boolean(),
  created_at: DateTime(),
  updated_at: DateTime(),
};

/** What POST and PATCH answer. */
export const AgentReply = Type.Object(agentFields);

/** What GET answers: with the agent's tools, of which there are none yet. */
export const AgentWithToolsReply = Type.Object({ ...agentFields, tools: Type.Array(FreeObject()) });

/** An agent within something else, which a key without agents:read may see: without the headers, as they may hold a secret. */
export const EmbeddedAgentReply = Type.Omit(Type.Object(agentFields), ["webhook_headers"]);

export const ListAgentsQuery = Type.Object(pageQuery);
export const AgentsReply = PageReply(AgentWithToolsReply);
export const AgentParams = Type.Object({ id: Uuid() });
export const SuccessReply = Type.Object({ success: Type.Literal(true) });
