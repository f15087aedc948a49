import { Type } from "typebox";
import type { JsonObject } from "../../core/tables.ts";
import { FreeObject, Nullable, StringEnum } from "../kit/schema.ts";
import { Id } from "./id.ts";
import { PHONE_PART_PATTERN, PHONE_PATTERN } from "./phone.ts";
import { LEAD_STATUSES } from "./present.ts";

const Phone = Type.String({ pattern: PHONE_PATTERN, maxLength: 40, description: "E.164, such as +1234567890." });

/** aiployees 4.1: an object; older clients send it in an array, and PHP writes an empty one as []. */
const Variables = Type.Unsafe<JsonObject | JsonObject[]>({
  type: ["object", "array"],
  additionalProperties: true,
  maxItems: 1,
  items: { type: "object", additionalProperties: true },
  description: "Any JSON values, kept as they are; at most 100, and 16 KiB together.",
});

const contactFields = { phone_number: Phone, variables: Type.Optional(Variables) };

/** aiployees 4.1. */
export const CreateLeadBody = Type.Object({
  ...contactFields,
  campaign_id: Id(),
  allow_dupplicate: Type.Optional(Type.Boolean({ default: false, description: "Whether the number may be in the campaign already." })),
  allow_duplicate: Type.Optional(Type.Boolean({ description: "The same, for those who spell it so." })),
  secondary_contacts: Type.Optional(Type.Array(Type.Object(contactFields), { maxItems: 10 })),
});

const replyFields = {
  phone_number: Type.String(),
  variables: FreeObject(),
  status: StringEnum(LEAD_STATUSES),
  created_at: Type.String({ description: "YYYY-MM-DD HH:MM:SS in UTC." }),
  updated_at: Type.String({ description: "YYYY-MM-DD HH:MM:SS in UTC." }),
};

const Lead = Type.Object({
  id: Type.Integer(),
  campaign_id: Type.Integer(),
  ...replyFields,
  campaign: Type.Object({ id: Type.Integer(), name: Type.String() }),
  secondary_contacts: Type.Array(Type.Object({ id: Type.Integer(), ...replyFields })),
});

export const CreatedLeadReply = Type.Object({ message: Type.String(), data: Lead });

/** Keeps the offset far below what PostgreSQL can count. */
const MAX_PAGE = 1_000_000_000;

/** aiployees 4.2. */
export const ListLeadsQuery = Type.Object({
  status: Type.Optional(StringEnum(LEAD_STATUSES)),
  campaign_id: Type.Optional(Id()),
  phone_number: Type.Optional(Type.String({ pattern: PHONE_PART_PATTERN, maxLength: 40, description: "A part is enough." })),
  date_from: Type.Optional(Type.String({ format: "date", description: "First day of creation, UTC." })),
  date_to: Type.Optional(Type.String({ format: "date", description: "Last day of creation, UTC." })),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 15 }),
  page: Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 1 }),
});

/** aiployees 1.5: Laravel's LengthAwarePaginator. */
export const LeadsReply = Type.Object({
  current_page: Type.Integer(),
  data: Type.Array(Lead),
  first_page_url: Type.String(),
  from: Nullable(Type.Integer()),
  last_page: Type.Integer(),
  last_page_url: Type.String(),
  links: Type.Array(Type.Object({ url: Nullable(Type.String()), label: Type.String(), active: Type.Boolean() })),
  next_page_url: Nullable(Type.String()),
  path: Type.String(),
  per_page: Type.Integer(),
  prev_page_url: Nullable(Type.String()),
  to: Nullable(Type.Integer()),
  total: Type.Integer(),
});
