import { Type } from "typebox";
import { DateTime, Email, FreeObject, Nullable, StringEnum, Uuid } from "../kit/schema.ts";

/** topcalls 1.1: stricter than for calls. */
const LeadPhone = Type.String({ pattern: "^\\+[1-9]\\d{8,14}$", description: "E.164, and dialable for libphonenumber." });

export const LEAD_STATUSES = ["New", "Contacted", "Converted", "Unsubscribed"] as const;
const LeadStatus = StringEnum(LEAD_STATUSES);

const LONG = 20_000;

/** topcalls 4.1. */
export const CreateLeadBody = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 500 }),
  phone_number: LeadPhone,
  list_id: Uuid(),
  email: Type.Optional(Email()),
  status: Type.Optional(StringEnum(LEAD_STATUSES, { default: "New" })),
  notes: Type.Optional(Type.String({ maxLength: LONG })),
  notes_append: Type.Optional(Type.String({ maxLength: LONG })),
  tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 100 })),
  metadata: Type.Optional(FreeObject()),
});

const leadFields = {
  id: Uuid(),
  account_id: Uuid(),
  name: Type.String(),
  phone_number: Type.String(),
  status: LeadStatus,
  tags: Type.Array(Type.String()),
  created_at: DateTime(),
  updated_at: DateTime(),
  email: Nullable(Type.String()),
  notes: Nullable(Type.String()),
  metadata: FreeObject(),
  converted_at: Nullable(Type.String()),
  list_ids: Type.Array(Uuid()),
};

/** topcalls 3. */
export const LeadReply = Type.Object(leadFields);
export const CapturedLeadReply = Type.Object({ ...leadFields, existed: Type.Boolean() });

/** topcalls 4.3. */
export const ListLeadsQuery = Type.Object({
  phone: Type.Optional(LeadPhone),
  list_id: Type.Optional(Uuid()),
  status: Type.Optional(LeadStatus),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
});

export const LeadsReply = Type.Object({
  items: Type.Array(LeadReply),
  has_more: Type.Boolean(),
  next_cursor: Nullable(Type.String()),
});

export const IdParams = Type.Object({ id: Uuid() });
