import { Type } from "typebox";
import { Nullable } from "../kit/schema.ts";

const clientFields = {
  id: Type.String(),
  first_name: Type.String(),
  last_name: Nullable(Type.String()),
  email: Nullable(Type.String()),
  mobile_phone: Nullable(Type.String({ description: "As it was typed." })),
  normalized_phone: Nullable(Type.String({ description: "E.164; null when it could not be read as a number." })),
  address: Nullable(Type.String()),
  created_at: Type.String(),
  updated_at: Type.String(),
  customer_status: Type.String(),
  tags: Type.Array(Type.String()),
  opt_in: Nullable(Type.String({ description: '"1" or "0".' })),
  source: Nullable(Type.String()),
  source_url: Nullable(Type.String()),
  channel: Nullable(Type.String()),
  campaign: Nullable(Type.String()),
};

/** Custom fields are further keys. */
const open = { additionalProperties: true };

export const ClientsReply = Type.Object({
  status: Type.String(),
  data: Type.Object({ clients: Type.Array(Type.Object({ ...clientFields, business_uid: Type.String() }, open)) }),
});

const Matter = Type.Object({ uid: Type.String(), display_name: Type.String(), fields: Type.Array(Type.Unknown()) });

export const ClientReply = Type.Object({
  status: Type.String(),
  data: Type.Object({ client: Type.Object({ ...clientFields, matters: Type.Array(Matter), matter_term: Type.String() }, open) }),
});
