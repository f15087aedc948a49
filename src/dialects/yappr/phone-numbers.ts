import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { listPhoneNumbers } from "../../core/phone-numbers/listPhoneNumbers.ts";
import type { PhoneNumber } from "../../core/phone-numbers/phone-number.ts";
import { DateTime, Nullable, Uuid } from "../kit/schema.ts";

/** yappr 8.1. */
const PhoneNumberReply = Type.Object({
  id: Uuid(),
  number: Type.String(),
  friendly_name: Nullable(Type.String()),
  provider: Type.String(),
  status: Type.String(),
  is_active: Type.Boolean(),
  inbound_agent_id: Nullable(Type.String()),
  outbound_agent_id: Nullable(Type.String()),
  sip_inbound_configured: Type.Boolean(),
  sip_outbound_configured: Type.Boolean(),
  country_code: Type.String(),
  monthly_cost: Type.Integer(),
  created_at: DateTime(),
});

export function phoneNumberRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    "/phone-numbers",
    {
      schema: {
        tags: ["Phone Numbers"],
        summary: "List phone numbers",
        response: { 200: Type.Object({ data: Type.Array(PhoneNumberReply) }) },
      },
    },
    async (request) => ({ data: (await listPhoneNumbers(request.ctx)).map(presentPhoneNumber) }),
  );
}

/** A number without a trunk is the simulated carrier's. Neither costs anything here, nor waits for papers. */
const presentPhoneNumber = (number: PhoneNumber) => ({
  id: number.id,
  number: number.phone,
  friendly_name: number.friendly_name,
  provider: number.trunk_id === null ? "simulator" : "sip",
  status: "active",
  is_active: number.is_active,
  inbound_agent_id: number.inbound_agent_id,
  outbound_agent_id: number.outbound_agent_id,
  sip_inbound_configured: number.trunk_id !== null && number.inbound_agent_id !== null,
  sip_outbound_configured: number.trunk_id !== null,
  country_code: number.country,
  monthly_cost: 0,
  created_at: number.created_at.toISOString(),
});
