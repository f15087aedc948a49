import { Type } from "typebox";
import { DateTime, FreeObject, Nullable, StringEnum, Uuid } from "../kit/schema.ts";
import { Body } from "./body.ts";
import { LeadReply } from "./leads.schema.ts";
import { PageReply, pageQuery } from "./page.ts";

/** seed 001: strict E.164, and for Israel 12 or 13 characters in total. */
const CallNumber = (options: Record<string, unknown>) =>
  Type.String({ ...options, pattern: "^\\+(?!972)[1-9][0-9]{7,14}$|^\\+972[0-9]{8,9}$" });

const Variables = Type.Unsafe<Record<string, string | null>>({
  type: "object",
  additionalProperties: { type: ["string", "null"] },
  examples: [{ LeadName: "David Cohen", OrderNumber: "ORD-1234" }],
});

/** The whole body is limited to this many bytes. */
export const CALL_BODY_LIMIT = 65_536;

/** yappr 7.1. */
export const PlaceCallBody = Body({
  agent_id: Uuid(),
  to: CallNumber({ examples: ["+972501234567"], description: "Destination, strict E.164; Israeli numbers have 12 or 13 characters." }),
  from: CallNumber({
    examples: ["+972551234567"],
    description: "An active phone number of yours; the same rules, and not the same as to.",
  }),
  variables: Type.Optional(Nullable(Variables)),
  metadata: Type.Optional(Nullable(FreeObject())),
});

/** yappr 1.5. */
export const PlaceCallHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({ pattern: "^[\\x21-\\x7E]{1,255}$", description: "1 to 255 visible ASCII characters; kept for 8 days." }),
  ),
});

const placed = { agent_id: Uuid(), to: Type.String(), from: Type.String() };

export const RingingReply = Type.Object({
  id: Uuid(),
  status: Type.Literal("ringing"),
  ...placed,
  created_at: DateTime(),
  direction: Type.Literal("outbound"),
  metadata: FreeObject(),
});

export const QueuedReply = Type.Object({
  id: Uuid({ description: "Also the id of the call." }),
  status: Type.Literal("queued"),
  ...placed,
  queue_position: Type.Integer(),
  queued_at: DateTime(),
  expires_at: DateTime(),
  message: Type.String(),
});

export const DncBlockedReply = Type.Object({
  call_id: Uuid(),
  status: Type.Literal("dnc_blocked"),
  ...placed,
  message: Type.String(),
  dnc_reason: Nullable(Type.String()),
  started_at: DateTime(),
  ended_at: DateTime(),
});

const STATUSES = ["ringing", "in-progress", "completed", "failed", "no_answer", "dnc_blocked"] as const;
const E164_QUERY = { pattern: "^[+ ]?[1-9][0-9]{7,14}$" };

/** yappr 7.3. */
export const ListCallsQuery = Type.Object({
  ...pageQuery,
  agent_id: Type.Optional(Uuid()),
  status: Type.Optional(
    StringEnum([...STATUSES, "in_progress", "queued"], { description: "Calls that wait for a free line are listed with queued alone." }),
  ),
  direction: Type.Optional(StringEnum(["inbound", "outbound", "web_call"])),
  callee: Type.Optional(Type.String({ ...E164_QUERY, description: "E.164." })),
  caller: Type.Optional(Type.String({ ...E164_QUERY, description: "E.164." })),
  from: Type.Optional(DateTime({ maxLength: 64, description: "Created at this time or later." })),
  to: Type.Optional(DateTime({ maxLength: 64, description: "Created at this time or earlier." })),
});

const callFields = {
  id: Uuid(),
  agent_id: Uuid(),
  from: Type.String(),
  to: Type.String(),
  direction: Type.String(),
  status: StringEnum([...STATUSES, "queued"]),
  started_at: Nullable(DateTime()),
  ended_at: Nullable(DateTime()),
  duration_seconds: Nullable(Type.Integer()),
  created_at: DateTime(),
  ended_by: Nullable(StringEnum(["caller", "agent", "system", "unknown"])),
  disconnect_reason: Nullable(Type.String()),
  transferred_at: Nullable(DateTime()),
  transfer_target: Nullable(Type.String()),
  recording_url: Nullable(Type.String()),
  tool_calls_count: Type.Integer(),
  flow_steps_count: Type.Integer(),
  flow_tool_fires_count: Type.Integer(),
  lead: Type.Optional(LeadReply),
};

export const CallsReply = PageReply(Type.Object(callFields));

/** yappr 7.4. */
export const CallReply = Type.Object({
  ...callFields,
  metadata: FreeObject(),
  variables: FreeObject(),
  transcript: Type.Optional(
    Type.Array(
      Type.Object({
        role: StringEnum(["agent", "user"]),
        text: Type.String(),
        start: Type.Number({ description: "Seconds from the answer." }),
        end: Type.Number(),
      }),
    ),
  ),
  tool_calls: Type.Array(FreeObject()),
  events: Type.Array(Type.Object({ type: Type.String(), timestamp: DateTime(), data: FreeObject() })),
  line: Type.Object({
    rang_at: Nullable(DateTime()),
    answered_at: Nullable(DateTime()),
    error: Nullable(Type.String()),
    sip_status: Nullable(Type.Integer({ description: "The final answer to the INVITE." })),
    sip_reason: Nullable(Type.String()),
    q850_cause: Nullable(Type.Integer({ description: "ITU-T Q.850." })),
    media_quality: Nullable(FreeObject()),
  }),
  decisions: Type.Array(
    Type.Object({
      verdict: StringEnum(["admitted", "queued", "blocked", "expired"]),
      reason: Type.String(),
      detail: FreeObject(),
      created_at: DateTime(),
    }),
  ),
});

export const CallParams = Type.Object({ id: Uuid() });
