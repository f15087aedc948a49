import { Type } from "typebox";
import { DAYS } from "../../core/campaigns/campaign.ts";
import { StringEnum } from "../kit/schema.ts";
import { Id } from "./id.ts";

const Hour = (fallback: string) => Type.String({ pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$", default: fallback, description: "HH:MM" });

/** aiployees 5.3, with its defaults. */
export const CreateCampaignBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    assistant_id: Id(),
    timezone: Type.Optional(Type.String({ format: "time-zone", maxLength: 64, description: "IANA; the workspace's when left out." })),
    max_calls_in_parallel: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, default: 3 })),
    allowed_hours_start_time: Type.Optional(Hour("00:00")),
    allowed_hours_end_time: Type.Optional(Hour("23:59")),
    allowed_days: Type.Optional(Type.Array(StringEnum(DAYS), { minItems: 1, maxItems: 7, uniqueItems: true })),
    max_retries: Type.Optional(Type.Integer({ minimum: 1, maximum: 5, default: 3 })),
    retry_interval: Type.Optional(Type.Integer({ minimum: 10, maximum: 4320, default: 60, description: "Minutes." })),
    retry_on_voicemail: Type.Optional(Type.Boolean({ default: false })),
    retry_on_goal_incomplete: Type.Optional(Type.Boolean({ default: false })),
    goal_completion_variable: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    mark_complete_when_no_leads: Type.Optional(Type.Boolean({ default: true })),
    phone_number_ids: Type.Optional(Type.Array(Id(), { maxItems: 100, uniqueItems: true })),
  },
  {
    if: { properties: { retry_on_goal_incomplete: { const: true } }, required: ["retry_on_goal_incomplete"] },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's keyword
    then: { required: ["goal_completion_variable"] },
  },
);

/** aiployees 5.1. */
const Campaign = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  status: StringEnum(["draft", "in-progress", "stopped", "completed"]),
  max_calls_in_parallel: Type.Integer(),
  mark_complete_when_no_leads: Type.Boolean(),
  allowed_hours_start_time: Type.String({ description: "HH:MM:SS" }),
  allowed_hours_end_time: Type.String({ description: "HH:MM:SS" }),
  allowed_days: Type.Array(Type.String()),
  max_retries: Type.Integer(),
  retry_interval: Type.Integer({ description: "Minutes." }),
  created_at: Type.String({ description: "ISO 8601 in UTC, with microseconds." }),
  updated_at: Type.String({ description: "ISO 8601 in UTC, with microseconds." }),
});

export const CreatedCampaignReply = Type.Object({ message: Type.String(), data: Campaign });
export const CampaignsReply = Type.Array(Campaign);
