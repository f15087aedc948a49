import { Type } from "typebox";
import { DateTime, Email, FreeObject, Nullable, Uuid } from "../kit/schema.ts";
import { Body, NOT_BLANK } from "./body.ts";
import { PageReply, pageQuery } from "./page.ts";

/** yappr 7.8. `source` in the body is ignored: what comes through here is `api` (section 14). */
export const CreateLeadBody = Body(
  {
    phone_number: Type.String({ minLength: 1, maxLength: 50, examples: ["+972501234567"] }),
    name: Type.Optional(Nullable(Type.String({ maxLength: 500 }))),
    email: Type.Optional(Nullable(Email())),
    tags: Type.Optional(
      Type.Array(Type.String({ maxLength: 200, pattern: NOT_BLANK }), { maxItems: 100, description: "Names; a new name makes a tag." }),
    ),
    tag_ids: Type.Optional(Type.Array(Uuid(), { maxItems: 100, description: "Ids of tags; not together with tags." })),
    long_term_context: Type.Optional(Nullable(Type.String({ maxLength: 20_000 }))),
    metadata: Type.Optional(FreeObject()),
  },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's keyword.
  { if: { required: ["tags", "tag_ids"] }, then: { properties: { tags: false } } },
);

export const ListLeadsQuery = Type.Object({
  ...pageQuery,
  search: Type.Optional(Type.String({ maxLength: 200, description: "Part of the name, phone number or email." })),
});

export const LeadReply = Type.Object({
  id: Uuid(),
  phone_number: Type.String(),
  name: Nullable(Type.String()),
  email: Nullable(Type.String()),
  source: Type.String(),
  tags: Type.Array(
    Type.Object({
      id: Uuid(),
      name: Type.String(),
      description: Nullable(Type.String()),
      color: Nullable(Type.String()),
      sort_order: Type.Integer(),
      created_at: DateTime(),
    }),
  ),
  long_term_context: Nullable(Type.String()),
  metadata: FreeObject(),
  created_at: DateTime(),
  updated_at: DateTime(),
});

export const LeadsReply = PageReply(LeadReply);

export const IdParams = Type.Object({ id: Uuid() });
