import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import { addContact, type NewContact } from "../../core/campaigns/addContact.ts";
import { type ContactFilter, countContacts, listContacts } from "../../core/campaigns/listContacts.ts";
import type { JsonObject } from "../../core/tables.ts";
import { ProblemError } from "../kit/problem.ts";
import { CreatedLeadReply, CreateLeadBody, LeadsReply, ListLeadsQuery } from "./leads.schema.ts";
import { paginate } from "./paginate.ts";
import { personOf } from "./person.ts";
import { compactPhone } from "./phone.ts";
import { contactStatusOf, presentLead } from "./present.ts";

export function leadRoutes(instance: FastifyInstance, publicUrl: string): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    "/api/user/lead",
    { schema: { tags: ["Leads"], summary: "Create a lead", body: CreateLeadBody, response: { 200: CreatedLeadReply } } },
    async (request) => {
      const { body } = request;
      const contact = await addContact(request.ctx, {
        ...toContact(body),
        campaignNumber: body.campaign_id,
        allowDuplicate: body.allow_dupplicate ?? body.allow_duplicate ?? false,
        secondaries: (body.secondary_contacts ?? []).map(toContact),
      });
      return { message: "Lead created successfully", data: presentLead(contact) };
    },
  );

  app.get(
    "/api/user/leads",
    { schema: { tags: ["Leads"], summary: "List leads", querystring: ListLeadsQuery, response: { 200: LeadsReply } } },
    async (request) => {
      const { page, per_page: size } = request.query;
      const filter = toFilter(request.query);
      const [contacts, total] = await Promise.all([
        listContacts(request.ctx, filter, { limit: size, offset: (page - 1) * size }),
        countContacts(request.ctx, filter),
      ]);
      return paginate(contacts.map(presentLead), total, { number: page, size }, new URL(`${publicUrl}${request.url}`));
    },
  );
}

function toContact(wire: { phone_number: string; variables?: JsonObject | JsonObject[] }): NewContact {
  const { variables: given = {} } = wire;
  const variables = Array.isArray(given) ? (given[0] ?? {}) : given;
  return { phone: compactPhone(wire.phone_number), variables, person: personOf(variables) };
}

/** Throws the dialect's 422 when the days are the wrong way round. */
function toFilter({ status, campaign_id, phone_number, date_from, date_to }: Static<typeof ListLeadsQuery>): ContactFilter {
  if (date_from !== undefined && date_to !== undefined && date_to < date_from) {
    const message = "must be a date after or equal to date from";
    throw new ProblemError({
      kind: "invalid_request",
      part: "querystring",
      fields: [{ path: ["date_to"], keyword: "order", params: {}, message }],
    });
  }
  return {
    ...(status !== undefined ? { status: contactStatusOf(status) } : {}),
    ...(campaign_id !== undefined ? { campaignNumber: campaign_id } : {}),
    ...(phone_number !== undefined ? { phonePart: compactPhone(phone_number) } : {}),
    ...(date_from !== undefined ? { createdFrom: startOf(date_from) } : {}),
    ...(date_to !== undefined ? { createdBefore: new Date(startOf(date_to).getTime() + DAY_MS) } : {}),
  };
}

const DAY_MS = 86_400_000;
const startOf = (day: string): Date => new Date(`${day}T00:00:00Z`);
