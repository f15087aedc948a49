import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { House } from "../../core/context.ts";
import { assertNever } from "../../core/errors.ts";
import { getRecording } from "../../core/recordings/getRecording.ts";
import { openRecordingLink } from "../../core/recordings/openRecordingLink.ts";
import { signRecordingLink } from "../../core/recordings/recordingLink.ts";
import { sendFile } from "../../platform/http/sendFile.ts";
import { CallParams } from "./calls.schema.ts";
import type { RecordingUrl } from "./present-call.ts";

/** What a permanent link leads to is good for so long (yappr 7.5). */
const SHORT_LIVED_MS = 10 * 60_000;

const RecordingQuery = Type.Object({
  sig: Type.Optional(Type.String({ maxLength: 200, description: "Of a recording_url; no API key is needed then." })),
  exp: Type.Optional(Type.String({ pattern: "^[0-9]{1,12}$", description: "Unix seconds until which such a link is good." })),
});

/** The permanent link of `recording_url` (yappr 7.5). */
export const recordingUrl =
  (house: Pick<House, "secrets">, publicUrl: string): RecordingUrl =>
  ({ workspace_id, id }) =>
    `${publicUrl}/calls/${id}/recording?sig=${signRecordingLink(house, { workspaceId: workspace_id, callId: id }).sig}`;

/**
 * `GET /calls/{id}/recording` (yappr 7.5): with a key that has calls:read, or with a short-lived link (`exp` and `sig`), the sound
 * itself. A permanent link (`sig` alone) leads to a short-lived one, so that what is shared from a player's address bar ends.
 */
export function recordingRoute(instance: FastifyInstance, house: House): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.route({
    method: ["GET", "HEAD"],
    url: "/calls/:id/recording",
    config: { public: (request) => typeof (request.query as { sig?: unknown }).sig === "string" },
    schema: {
      tags: ["Calls"],
      summary: "Get call recording",
      description: "Stereo WAV, the other party on the left and the agent on the right. Takes Range requests.",
      params: CallParams,
      querystring: RecordingQuery,
    },
    handler: async (request, reply) => {
      const { sig, exp } = request.query;
      const callId = request.params.id.toLowerCase();
      if (sig === undefined) return answer(request, reply, callId, await getRecording(request.ctx, callId));
      const opened = await openRecordingLink(house, callId, { sig, ...(exp !== undefined ? { exp: Number(exp) } : {}) });
      if (!opened.ok) return opened.reason === "expired" ? refuse(reply, EXPIRED) : refuse(reply, INVALID);
      if (exp !== undefined) return answer(request, reply, callId, opened.found);
      const expiresAt = new Date(house.clock.now().getTime() + SHORT_LIVED_MS);
      const link = signRecordingLink(house, { workspaceId: opened.workspaceId, callId }, expiresAt);
      // Relative to the link itself, so it holds whatever name this server is reached by.
      return reply.header("cache-control", "no-store").redirect(`?exp=${link.exp}&sig=${link.sig}`, 302);
    },
  });
}

type Found = Awaited<ReturnType<typeof getRecording>>;

async function answer(request: FastifyRequest, reply: FastifyReply, callId: string, found: Found): Promise<FastifyReply> {
  switch (found.state) {
    case "none":
      return refuse(reply, UNAVAILABLE);
    case "running":
      return refuse(reply, RUNNING);
    case "ready": {
      const file = { path: found.path, contentType: "audio/wav", filename: `call-${callId}.wav` };
      return (await sendFile(request, reply, file)) ?? refuse(reply, UNAVAILABLE);
    }
    default:
      return assertNever(found);
  }
}

interface Refusal {
  status: number;
  code: string;
  error: string;
}

/** The codes of yappr 7.5; their statuses are ours. */
const INVALID: Refusal = { status: 403, code: "RECORDING_LINK_INVALID", error: "This link to a recording is not valid." };
const EXPIRED: Refusal = {
  status: 410,
  code: "RECORDING_LINK_EXPIRED",
  error: "This link to a recording has expired. Open the call's recording_url again.",
};
const UNAVAILABLE: Refusal = { status: 404, code: "RECORDING_UNAVAILABLE", error: "There is no recording of this call." };
const RUNNING: Refusal = {
  status: 409,
  code: "RECORDING_UNAVAILABLE",
  error: "The call is not over. Its recording can be had as soon as it is.",
};

const refuse = (reply: FastifyReply, { status, code, error }: Refusal): FastifyReply => reply.code(status).send({ error, code });
