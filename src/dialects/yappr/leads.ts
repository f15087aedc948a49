import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { NotFound } from "../../core/errors.ts";
import { createLead } from "../../core/leads/createLead.ts";
import { getLead } from "../../core/leads/getLead.ts";
import { countLeads, listLeads } from "../../core/leads/listLeads.ts";
import { CreateLeadBody, IdParams, LeadReply, LeadsReply, ListLeadsQuery } from "./leads.schema.ts";
import { page } from "./page.ts";
import { presentLead } from "./present-lead.ts";

export function leadRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    "/leads",
    { schema: { tags: ["Leads"], summary: "Create lead", body: CreateLeadBody, response: { 201: LeadReply } } },
    async (request, reply) => {
      const { body } = request;
      const lead = await createLead(request.ctx, {
        phone: body.phone_number,
        name: body.name?.trim() ? body.name : null,
        email: body.email ?? null,
        longTermContext: body.long_term_context ?? null,
        metadata: body.metadata ?? {},
        tagNames: [...new Set(body.tags?.map((name) => name.trim()))],
        tagIds: body.tag_ids ?? [],
      });
      return reply.code(201).send(presentLead(lead));
    },
  );

  app.get(
    "/leads",
    { schema: { tags: ["Leads"], summary: "List leads", querystring: ListLeadsQuery, response: { 200: LeadsReply } } },
    async (request) => {
      const { limit, offset, search } = request.query;
      const filter = { ownsPhone: true, ...(search ? { search } : {}) };
      const [leads, total] = await Promise.all([listLeads(request.ctx, filter, { limit, offset }), countLeads(request.ctx, filter)]);
      return page(leads.map(presentLead), total, { limit, offset });
    },
  );

  app.get(
    "/leads/:id",
    { schema: { tags: ["Leads"], summary: "Get lead", params: IdParams, response: { 200: LeadReply } } },
    async (request) => {
      const lead = await getLead(request.ctx, request.params.id);
      // A lead is its phone number here; one without a number of its own cannot be shown.
      if (!lead.owns_phone) throw new NotFound("lead", lead.id);
      return presentLead(lead);
    },
  );
}
