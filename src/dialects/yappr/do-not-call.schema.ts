import { Type } from "typebox";
import { DateTime, Nullable, StringEnum, Uuid } from "../kit/schema.ts";
import { EmbeddedAgentReply } from "./agents.schema.ts";
import { Body } from "./body.ts";

const terms = {
  reason: Type.Optional(Nullable(Type.String({ maxLength: 2_000 }))),
  expires_at: Type.Optional(Nullable(DateTime({ maxLength: 64, description: "In the future; null is for ever." }))),
  agent_ids: Type.Optional(Type.Array(Uuid(), { maxItems: 100, description: "Empty: every agent." })),
};

/** yappr 7.6. */
export const AddDncBody = Body({ phone_number: Type.String({ minLength: 1, maxLength: 50 }), ...terms });

export const UpdateDncBody = Body(terms, { refused: ["phone_number", "phoneNumber"] });

export const ListDncQuery = Type.Object({
  phone: Type.Optional(Type.String({ maxLength: 50, description: "Answers that number's entry alone, or 404." })),
});

export const DncReply = Type.Object({
  id: Uuid(),
  company_id: Uuid(),
  phone_number: Type.String(),
  reason: Nullable(Type.String()),
  source: StringEnum(["manual", "api", "auto"]),
  expires_at: Nullable(DateTime()),
  agents: Type.Array(EmbeddedAgentReply),
  created_by: Nullable(Type.String()),
  created_at: DateTime(),
});

/** Without a number all of them, with one that number's. */
export const DncListReply = Type.Union([Type.Object({ data: Type.Array(DncReply) }), DncReply]);

export const DncParams = Type.Object({ id: Uuid() });
