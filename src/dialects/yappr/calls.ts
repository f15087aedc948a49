import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { getCall } from "../../core/calls/getCall.ts";
import { type CallFilter, countCalls, listCalls } from "../../core/calls/listCalls.ts";
import { assertNever, InvalidInput } from "../../core/errors.ts";
import { placeCall } from "../../engine/placeCall.ts";
import {
  CALL_BODY_LIMIT,
  CallParams,
  CallReply,
  CallsReply,
  DncBlockedReply,
  ListCallsQuery,
  PlaceCallBody,
  PlaceCallHeaders,
  QueuedReply,
  RingingReply,
} from "./calls.schema.ts";
import { page } from "./page.ts";
import {
  filterOfStatus,
  presentCall,
  presentCallDetail,
  presentDncBlocked,
  presentQueued,
  presentRinging,
  type RecordingUrl,
} from "./present-call.ts";

const tags = ["Calls"];

export function callRoutes(instance: FastifyInstance, recordingUrl: RecordingUrl): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    "/calls",
    {
      bodyLimit: CALL_BODY_LIMIT,
      schema: {
        tags,
        summary: "Create outbound call",
        headers: PlaceCallHeaders,
        body: PlaceCallBody,
        response: { 200: DncBlockedReply, 201: RingingReply, 202: QueuedReply },
      },
    },
    async (request, reply) => {
      const { agent_id, to, from, variables, metadata } = request.body;
      const key = request.headers["idempotency-key"];
      const { call, replayed } = await placeCall(request.ctx, {
        agentId: agent_id,
        to,
        from,
        // A null value is an empty text (yappr 4.3).
        variables: Object.fromEntries(Object.entries(variables ?? {}).map(([name, value]) => [name, value ?? ""])),
        metadata: metadata ?? {},
        ...(key !== undefined ? { idempotencyKey: key } : {}),
      });
      if (replayed) reply.header("idempotency-replayed", "true");
      switch (call.status) {
        case "admitted":
          return reply.code(201).send(presentRinging(call));
        case "queued":
          return reply.code(202).send(presentQueued(call));
        case "dnc_blocked":
          return reply.code(200).send(presentDncBlocked(call));
        default:
          return assertNever(call);
      }
    },
  );

  app.get(
    "/calls",
    { schema: { tags, summary: "List calls", querystring: ListCallsQuery, response: { 200: CallsReply } } },
    async (request) => {
      const { limit, offset, direction, ...query } = request.query;
      // There are no calls of this kind here.
      if (direction === "web_call") return page([], 0, { limit, offset });
      const filter: CallFilter = {
        ...filterOfStatus(query.status),
        ...(direction ? { direction } : {}),
        ...(query.agent_id !== undefined ? { agentId: query.agent_id } : {}),
        ...(query.callee !== undefined ? { to: e164Of(query.callee) } : {}),
        ...(query.caller !== undefined ? { from: e164Of(query.caller) } : {}),
        ...(query.from !== undefined ? { createdFrom: timeOf(query.from, "from") } : {}),
        ...(query.to !== undefined ? { createdTo: timeOf(query.to, "to") } : {}),
      };
      const [calls, total] = await Promise.all([listCalls(request.ctx, filter, { limit, offset }), countCalls(request.ctx, filter)]);
      return page(
        calls.map((call) => presentCall(call, recordingUrl)),
        total,
        { limit, offset },
      );
    },
  );

  app.get("/calls/:id", { schema: { tags, summary: "Get call", params: CallParams, response: { 200: CallReply } } }, async (request) =>
    presentCallDetail(await getCall(request.ctx, request.params.id), recordingUrl),
  );
}

/** An unescaped + arrives as a blank. */
const e164Of = (text: string): string => `+${text.replace(/^[+ ]/, "")}`;

/** A leap second is a date-time, but no moment that we can name. */
function timeOf(text: string, field: "from" | "to"): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw InvalidInput.of(field, "invalid_time", `${field} must be a date and time that exists.`);
  return time;
}
