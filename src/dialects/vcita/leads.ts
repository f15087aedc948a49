import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { submitRequest } from "../../core/conversations/submitRequest.ts";
import { uidOf } from "../../platform/ids.ts";
import { BusinessHeader } from "./business.ts";
import { tidy, toRequest } from "./lead-input.ts";
import { LeadgenBody, LeadgenReply, PartnerLeadBody, PartnerLeadReply } from "./leads.schema.ts";

/** Of the API description; `forms.ts` reads the other two. */
const shared = {
  tags: ["Leads"],
  consumes: ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
};

/** Leaves of the body what the endpoint knows: keys that it does not know are ignored, whatever they hold. */
const tidyBody = (schema: { properties: object }) => async (request: FastifyRequest) => {
  request.body = tidy(request.body, Object.keys(schema.properties));
};

export function leadRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  // The second path is an alias that costs nothing (vcita 0).
  for (const [path, hide] of [
    ["/platform/v1/leadgen", false],
    ["/platform/v1/leads", true],
  ] as const) {
    app.post(
      path,
      {
        schema: { ...shared, headers: BusinessHeader, summary: "Create a lead", hide, body: LeadgenBody, response: { 201: LeadgenReply } },
        preValidation: tidyBody(LeadgenBody),
      },
      async (request, reply) => {
        const { leadId, conversationId } = await submitRequest(request.ctx, toRequest(request.body));
        // `uid` is documented nowhere; ours is the client's (vcita 4.2).
        return reply.code(201).send({ conversation_uid: uidOf(conversationId), status: "OK", uid: uidOf(leadId) });
      },
    );
  }

  app.post(
    "/v1/partners/leads",
    {
      schema: { ...shared, summary: "Inject a lead", body: PartnerLeadBody, response: { 201: PartnerLeadReply } },
      preValidation: tidyBody(PartnerLeadBody),
    },
    async (request, reply) => {
      const { conversationId } = await submitRequest(request.ctx, toRequest(request.body));
      return reply.code(201).send({ uid: uidOf(conversationId) });
    },
  );
}
