import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { LightMyRequestResponse } from "fastify";
import { send, type World } from "../../support/world.ts";

/** A body that leadgen takes, of a person whom nobody knows yet. */
export const request = (overrides: Record<string, unknown> = {}): Record<string, unknown> => ({
  identifier_type: "email",
  email: newEmail(),
  first_name: "Jane",
  request_title: "Quote request",
  ...overrides,
});

export const newEmail = () => `jane.${randomBytes(6).toString("hex")}@example.com`;

let phones = 2_000_000;
export const newPhone = () => `+97250${phones++}`;

/** Posts to leadgen and expects it to be taken. */
export async function lead(
  world: World,
  token: string,
  overrides: Record<string, unknown> = {},
  url = "/platform/v1/leadgen",
): Promise<{ uid: string; conversation_uid: string }> {
  return created(await send(world, "POST", url, { token, body: request(overrides) }));
}

export function created(response: LightMyRequestResponse): { uid: string; conversation_uid: string } {
  assert.equal(response.statusCode, 201, response.body);
  return response.json();
}

export async function client(world: World, token: string, uid: string): Promise<Record<string, unknown>> {
  const response = await send(world, "GET", `/platform/v1/clients/${uid}`, { token });
  assert.equal(response.statusCode, 200, response.body);
  return response.json().data.client;
}

export async function clients(world: World, token: string, query = ""): Promise<Array<Record<string, unknown>>> {
  const response = await send(world, "GET", `/platform/v1/clients${query}`, { token });
  assert.equal(response.statusCode, 200, response.body);
  return response.json().data.clients;
}

export async function conversations(world: World, token: string, uid: string): Promise<Array<Record<string, unknown>>> {
  const response = await send(world, "GET", `/platform/v1/clients/${uid}/conversations?per_page=100`, { token });
  assert.equal(response.statusCode, 200, response.body);
  return response.json().data.conversations;
}

export async function messages(world: World, token: string, conversationUid: string): Promise<Array<Record<string, unknown>>> {
  const response = await send(world, "GET", `/v2/conversations/${conversationUid}/messages`, { token });
  assert.equal(response.statusCode, 200, response.body);
  return response.json();
}
