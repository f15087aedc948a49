import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import type { Context } from "../../core/context.ts";
import { NotFound } from "../../core/errors.ts";
import { type LeadFilter, listLeads } from "../../core/leads/listLeads.ts";
import { toE164 } from "../../platform/phone.ts";
import { StringEnum } from "../kit/schema.ts";
import { BusinessHeader } from "./business.ts";
import { ClientReply, ClientsReply } from "./clients.schema.ts";
import { badQuery, missingQuery } from "./errors.ts";
import { paging, toPage } from "./paging.ts";
import { presentListedClient, presentOneClient } from "./present.ts";

/** A day, or a moment with its offset. */
const Moment = Type.Unsafe<string>({ type: "string", maxLength: 40, anyOf: [{ format: "date" }, { format: "date-time" }] });

/** vcita 6.2. */
const ClientsQuery = Type.Object({
  ...paging(25),
  search_term: Type.Optional(Type.String({ maxLength: 300 })),
  search_by: Type.Optional(StringEnum(["email", "uid", "phone", "updated_at"])),
  "updated_at[gte]": Type.Optional(Moment),
  "updated_at[lte]": Type.Optional(Moment),
  phone_exists: Type.Optional(Type.Boolean()),
});

export function clientRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    "/platform/v1/clients",
    {
      schema: {
        tags: ["Clients"],
        headers: BusinessHeader,
        summary: "List clients",
        querystring: ClientsQuery,
        response: { 200: ClientsReply },
      },
    },
    async (request) => {
      const { ctx, query } = request;
      const leads = await listLeads(ctx, toFilter(ctx, query), toPage(query));
      return { status: "OK", data: { clients: leads.map((lead) => presentListedClient(lead, ctx.workspace)) } };
    },
  );

  app.get(
    "/platform/v1/clients/:id",
    {
      schema: {
        tags: ["Clients"],
        headers: BusinessHeader,
        summary: "Get a client",
        params: Type.Object({ id: Type.String() }),
        response: { 200: ClientReply },
      },
    },
    async (request) => {
      const { id } = request.params;
      const [lead] = await listLeads(request.ctx, { uid: id }, { limit: 1 });
      if (!lead) throw new NotFound("lead", id);
      return { status: "OK", data: { client: presentOneClient(lead) } };
    },
  );
}

function toFilter(ctx: Context, query: Static<typeof ClientsQuery>): LeadFilter {
  const from = moment(query, "updated_at[gte]");
  const to = moment(query, "updated_at[lte]");
  const filter: LeadFilter = {
    ...(from ? { updatedFrom: from } : {}),
    ...(to ? { updatedTo: to } : {}),
    ...(query.phone_exists !== undefined ? { hasPhone: query.phone_exists } : {}),
  };
  const term = query.search_term?.trim() ?? "";
  if (query.search_by === "updated_at") {
    if (!from && !to) throw missingQuery("updated_at[gte]");
    return filter;
  }
  if (query.search_by === undefined) return term === "" ? filter : { ...filter, search: term };
  if (term === "") throw missingQuery("search_term");
  switch (query.search_by) {
    case "email":
      return { ...filter, email: term.toLowerCase() };
    case "uid":
      return { ...filter, uid: term.toLowerCase() };
    case "phone": {
      const number = toE164(term, ctx.workspace.country);
      return { ...filter, ...(number === undefined ? { phoneAsTyped: term } : { anyPhone: number }) };
    }
  }
}

/** The format lets leap seconds pass, which no calendar of ours has. */
function moment(query: Static<typeof ClientsQuery>, name: "updated_at[gte]" | "updated_at[lte]"): Date | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw badQuery(name, "format", "must be a valid date");
  return date;
}
