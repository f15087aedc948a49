import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { addDncEntry } from "../../core/do-not-call/addDncEntry.ts";
import { deleteDncEntry } from "../../core/do-not-call/deleteDncEntry.ts";
import { getDncEntry } from "../../core/do-not-call/getDncEntry.ts";
import { listDncEntries } from "../../core/do-not-call/listDncEntries.ts";
import { updateDncEntry } from "../../core/do-not-call/updateDncEntry.ts";
import { toE164 } from "../../platform/phone.ts";
import { ProblemError } from "../kit/problem.ts";
import { SuccessReply } from "./agents.schema.ts";
import { AddDncBody, DncListReply, DncParams, DncReply, ListDncQuery, UpdateDncBody } from "./do-not-call.schema.ts";
import { presentDncEntry } from "./present-dnc.ts";

const tags = ["Do Not Call"];

export function doNotCallRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    "/do-not-call",
    {
      schema: { tags, summary: "List or look up Do-Not-Call entries", querystring: ListDncQuery, response: { 200: DncListReply } },
      // The whole list may be long: not to be tried against each branch of the schema.
      serializerCompiler: () => JSON.stringify,
    },
    async (request) => {
      const { phone } = request.query;
      if (phone !== undefined)
        return presentDncEntry(await getDncEntry(request.ctx, { phone: read(phone, request.ctx.workspace.country) }));
      return { data: (await listDncEntries(request.ctx)).map(presentDncEntry) };
    },
  );

  app.post(
    "/do-not-call",
    { schema: { tags, summary: "Add a number", body: AddDncBody, response: { 200: DncReply, 201: DncReply } } },
    async (request, reply) => {
      const { entry, existed } = await addDncEntry(request.ctx, {
        phone: request.body.phone_number,
        source: "api",
        ...termsOf(request.body),
      });
      return reply.code(existed ? 200 : 201).send(presentDncEntry(entry));
    },
  );

  app.get(
    "/do-not-call/:id",
    { schema: { tags, summary: "Get an entry", params: DncParams, response: { 200: DncReply } } },
    async (request) => presentDncEntry(await getDncEntry(request.ctx, { id: request.params.id })),
  );

  app.patch(
    "/do-not-call/:id",
    { schema: { tags, summary: "Update an entry", params: DncParams, body: UpdateDncBody, response: { 200: DncReply } } },
    async (request) => presentDncEntry(await updateDncEntry(request.ctx, request.params.id, termsOf(request.body))),
  );

  app.delete(
    "/do-not-call/:id",
    { schema: { tags, summary: "Remove an entry", params: DncParams, response: { 200: SuccessReply } } },
    async (request) => {
      await deleteDncEntry(request.ctx, request.params.id);
      return { success: true as const };
    },
  );
}

function read(phone: string, country: string): string {
  // An unescaped + arrives as a blank.
  const e164 = toE164(phone.replace(/^ (?=\d)/, "+"), country);
  if (e164) return e164;
  const field = { path: ["phone"], keyword: "format", params: {}, message: "cannot be read as a phone number" };
  throw new ProblemError({ kind: "invalid_request", part: "querystring", fields: [field] });
}

const termsOf = (body: { reason?: string | null; expires_at?: string | null; agent_ids?: string[] }) => ({
  ...(body.reason !== undefined ? { reason: body.reason } : {}),
  ...(body.expires_at !== undefined ? { expiresAt: body.expires_at === null ? null : new Date(body.expires_at) } : {}),
  ...(body.agent_ids !== undefined ? { agentIds: body.agent_ids } : {}),
});
