import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { ErrorObject } from "ajv";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { NotFound } from "../../core/errors.ts";
import { captureLead } from "../../core/leads/captureLead.ts";
import { getLead } from "../../core/leads/getLead.ts";
import { listLeads } from "../../core/leads/listLeads.ts";
import { fieldErrors } from "../../platform/http/validator.ts";
import { dialableNumber, isE164 } from "../../platform/phone.ts";
import { ProblemError } from "../kit/problem.ts";
import { fromCursor, page } from "./cursor.ts";
import { CapturedLeadReply, CreateLeadBody, IdParams, LeadReply, LeadsReply, ListLeadsQuery } from "./leads.schema.ts";
import { presentLead, stageOf } from "./present.ts";

export function leadRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    "/v1/leads",
    {
      attachValidation: true,
      schema: {
        tags: ["Leads"],
        summary: "Create or attach lead",
        body: CreateLeadBody,
        response: { 200: CapturedLeadReply, 201: CapturedLeadReply },
      },
    },
    async (request, reply) => {
      refuseWhatIsWrong(request);
      const { body } = request;
      const { lead, existed } = await captureLead(request.ctx, {
        phone: body.phone_number,
        name: body.name,
        listId: body.list_id,
        ...(body.email !== undefined ? { email: body.email } : {}),
        ...(body.status !== undefined ? { stage: stageOf(body.status) } : {}),
        notes: notesOf(body),
        tagNames: body.tags ?? [],
        ...(body.metadata ? { metadata: body.metadata } : {}),
      });
      return reply.code(existed ? 200 : 201).send({ ...presentLead(lead), existed });
    },
  );

  app.get(
    "/v1/leads",
    { schema: { tags: ["Leads"], summary: "List leads", querystring: ListLeadsQuery, response: { 200: LeadsReply } } },
    async (request) => {
      const { phone, list_id, status, tag, cursor, limit } = request.query;
      const leads = await listLeads(
        request.ctx,
        {
          ownsPhone: true,
          ...(phone !== undefined ? { phone } : {}),
          ...(list_id !== undefined ? { listId: list_id } : {}),
          ...(status !== undefined ? { stage: stageOf(status) } : {}),
          ...(tag !== undefined ? { tag } : {}),
        },
        { limit: limit + 1, ...(cursor !== undefined ? { after: fromCursor(cursor) } : {}) },
      );
      return page(leads, limit, presentLead);
    },
  );

  app.get(
    "/v1/leads/:id",
    { schema: { tags: ["Leads"], summary: "Get a lead", params: IdParams, response: { 200: LeadReply } } },
    async (request) => {
      const lead = await getLead(request.ctx, request.params.id);
      // A lead without a phone of its own cannot be shown here: phone_number is its natural key (topcalls 14).
      if (!lead.owns_phone) throw new NotFound("lead", lead.id);
      return presentLead(lead);
    },
  );
}

/** The seed's example sends both: what is appended comes after what is set. On a lead that is there neither does anything. */
function notesOf({ notes, notes_append }: { notes?: string; notes_append?: string }): string | null {
  const given = [notes, notes_append].filter((one) => one !== undefined);
  return given.length > 0 ? given.join("\n") : null;
}

/** Names every wrong field at once: what the schema says, and a number that cannot be dialled. */
function refuseWhatIsWrong({ body, validationError }: Pick<FastifyRequest, "body" | "validationError">): void {
  const fields = validationError?.validation ? fieldErrors(validationError.validation as ErrorObject[], body) : [];
  if (fields.length === 0) return;
  const { phone_number } = (body ?? {}) as Record<string, unknown>;
  const undialable = typeof phone_number === "string" && isE164(phone_number) && dialableNumber(phone_number) === undefined;
  if (undialable && !fields.some(({ path }) => path[0] === "phone_number")) {
    fields.push({ path: ["phone_number"], keyword: "pattern", params: {}, message: "" });
  }
  throw new ProblemError({ kind: "invalid_request", part: "body", fields });
}
