import { Type } from "typebox";
import { Email, StringEnum } from "../kit/schema.ts";

const Text = (maxLength: number, description: string) => Type.String({ maxLength, description });

/** vcita 4.1: a flat map of text; booleans and exact numbers are read as text. No label may be the prototype's once it is trimmed. */
const Labelled = (description: string) =>
  Type.Unsafe<Record<string, string | number | boolean>>({
    type: "object",
    description,
    maxProperties: 200,
    propertyNames: { maxLength: 200, pattern: "^(?!\\s*__proto__\\s*$)\\s*\\S" },
    additionalProperties: {
      type: ["string", "number", "boolean"],
      maxLength: 10_000,
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
    },
  });

export const FLAGS = { true: true, yes: true, on: true, "1": true, false: false, no: false, off: false, "0": false } as const;
export type FlagWord = keyof typeof FLAGS;

const Flag = (description: string) =>
  Type.Unsafe<boolean | FlagWord>({ type: ["boolean", "string"], enum: [true, false, ...Object.keys(FLAGS)], description });

/** At most 100 labels of at most 200 characters. */
const TAGS = "^[^,]{0,200}(,[^,]{0,200}){0,99}$";

const person = {
  business_id: Type.Optional(Text(200, "UID or nickname of the business; needed when neither the token nor X-On-Behalf-Of says it.")),
  identifier_type: StringEnum(["email", "unique_id"], { description: "By which of the two the client is looked up." }),
  email: Type.Optional(Email()),
  unique_id: Type.Optional(Text(250, "Unique per business.")),
  first_name: Text(200, "First name."),
  last_name: Type.Optional(Text(200, "Last name.")),
  phone: Type.Optional(Text(100, "Phone number, in any form.")),
  address: Type.Optional(Text(1_000, "Address.")),
  opt_in: Type.Optional(Flag("Whether the lead opted in to promotions.")),
  source: Type.Optional(Text(500, "Where the lead came from, for the business.")),
  source_url: Type.Optional(Text(2_000, "The page where the lead was made.")),
};

const request = {
  request_title: Text(500, "Title of the conversation."),
  request_data: Type.Optional(Labelled("Shown in the message, and kept with a new client.")),
  system_message: Type.Optional(Text(20_000, "Introduces the lead to the business; may contain links.")),
  notifications: Type.Optional(Text(200, "Comma-separated: auto-reply, email, sms.")),
};

const mustHave = (type: "email" | "unique_id") => ({
  if: { properties: { identifier_type: { const: type } }, required: ["identifier_type"] },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's keyword
  then: { required: [type] },
});

const identified = { allOf: [mustHave("email"), mustHave("unique_id")] };

/** vcita 4.1. Null and blank values are dropped before: they count as not sent. */
export const LeadgenBody = Type.Object(
  {
    ...person,
    ...request,
    message_data: Type.Optional(Labelled("Shown in the message only.")),
    opt_in_transactional_sms: Type.Optional(Flag("Whether the lead agrees to transactional text messages.")),
    status: Type.Optional(Text(100, "What the lead is to the business: lead, customer, loyal, inactive, or a name of your own.")),
    tags: Type.Optional(Type.String({ maxLength: 10_000, pattern: TAGS, description: "Comma-separated labels." })),
  },
  identified,
);

/** vcita 5. */
export const PartnerLeadBody = Type.Object(
  { ...person, ...request },
  { ...identified, anyOf: [{ required: ["request_data"] }, { required: ["system_message"] }] },
);

export const LeadgenReply = Type.Object({ conversation_uid: Type.String(), status: Type.String(), uid: Type.String() });
export const PartnerLeadReply = Type.Object({ uid: Type.String({ description: "Of the conversation." }) });
