import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SpeechRequest {
  path: string;
  authorization: string | undefined;
  body: { model: string; voice: string; input: string; response_format: string };
  /** The client gave the answer up. */
  closed: Promise<void>;
}

/** A speech service with OpenAI's interface, whose answers the test writes. */
export async function startSpeechServer(answer: (request: SpeechRequest, response: ServerResponse) => unknown) {
  const requests: SpeechRequest[] = [];
  const server = createServer(async (incoming: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece);
    const request = {
      path: incoming.url ?? "",
      authorization: incoming.headers.authorization,
      body: JSON.parse(Buffer.concat(pieces).toString("utf8")),
      closed: new Promise<void>((resolve) => response.once("close", () => resolve())),
    };
    requests.push(request);
    await answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const bytesOf = (samples: Int16Array): Buffer => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
