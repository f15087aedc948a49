import { isUtf8 } from "node:buffer";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { MalformedBody, readJson } from "../../platform/http/json-body.ts";

/**
 * Takes form bodies too, as sites post them (vcita 5): urlencoded, and multipart without files. A bracket key is an entry of
 * an object: `request_data[First Name]=Ann`. The values are text and as strictly read as JSON's.
 */
export function acceptForms(app: FastifyInstance): void {
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "buffer" }, async (_request: FastifyRequest, body: Buffer) =>
    nest(readUrlencoded(utf8(body))),
  );
  app.addContentTypeParser("multipart/form-data", { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    utf8(body);
    return nest(await readMultipart(body, request.headers["content-type"] ?? ""));
  });
}

type Entry = readonly [key: string, value: string];

function utf8(body: Buffer): string {
  if (!isUtf8(body)) throw new MalformedBody("The body is not valid UTF-8.");
  return body.toString("utf8");
}

function readUrlencoded(text: string): Entry[] {
  return text
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new MalformedBody("The body is not valid URL-encoded UTF-8.");
  }
}

async function readMultipart(body: Buffer, contentType: string): Promise<Entry[]> {
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
  } catch {
    throw new MalformedBody("The body is not valid multipart/form-data.");
  }
  return [...form].map(([key, value]) => {
    if (typeof value !== "string") throw new MalformedBody(`${key} is a file; only text is taken.`);
    return [key, value];
  });
}

const BRACKETS = /^([^[\]]+)\[(.*)\]$/s;

/** The last value of a key counts. What the entries make is held to the same rules as a JSON body. */
function nest(entries: readonly Entry[]): unknown {
  const flat = new Map<string, string | Map<string, string>>();
  for (const [key, value] of entries) {
    const [, name, label] = BRACKETS.exec(key) ?? [];
    if (name === undefined || label === undefined) {
      flat.set(key, value);
      continue;
    }
    if (label.includes("][")) throw new MalformedBody(`${key} is nested too deep.`);
    const inner = flat.get(name) ?? new Map<string, string>();
    if (typeof inner === "string") throw new MalformedBody(`${name} is sent both as text and with brackets.`);
    flat.set(name, inner.set(label, value));
  }
  const json = JSON.stringify(Object.fromEntries([...flat].map(([key, value]) => [key, unwrap(value)])));
  return readJson(Buffer.from(json));
}

const unwrap = (value: string | Map<string, string>) => (typeof value === "string" ? value : Object.fromEntries(value));
