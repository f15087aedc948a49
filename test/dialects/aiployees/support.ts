import assert from "node:assert/strict";
import type { LightMyRequestResponse } from "fastify";
import { createAgent } from "../../../src/core/agents/createAgent.ts";
import type { Campaign } from "../../../src/core/campaigns/campaign.ts";
import { DAYS } from "../../../src/core/campaigns/campaign.ts";
import { createCampaign } from "../../../src/core/campaigns/createCampaign.ts";
import type { Context } from "../../../src/core/context.ts";
import type { Fault } from "../../support/faults.ts";

export async function makeAgent(ctx: Context): Promise<{ id: string; number: number }> {
  const { agent } = await createAgent(ctx, {
    settings: { name: "Maya", language: "bg", system_prompt: "You call people back.", greeting_message: "Hello {{customer_name}}" },
  });
  return agent;
}

export async function makeCampaign(ctx: Context, name = "My new campaign"): Promise<Campaign> {
  const agent = await makeAgent(ctx);
  return createCampaign(ctx, {
    name,
    agentNumber: agent.number,
    maxParallelCalls: 3,
    windowStart: "00:00",
    windowEnd: "23:59",
    days: DAYS,
    maxRetries: 3,
    retryIntervalMinutes: 60,
    retryOnVoicemail: false,
    retryOnGoalIncomplete: false,
    completeWhenEmpty: true,
    phoneNumbers: [],
  });
}

let last = 1_000_000;
/** A number that nobody else in this process has. */
export const nextPhone = (): string => `+35988${last++}`;

/** aiployees 1.3: what each fault answers. */
export function expectLaravel(route: string, methods: { wrong: string; supported: string }) {
  return (fault: Fault, response: LightMyRequestResponse): void => {
    const body = response.json();
    assert.match(String(response.headers["content-type"]), /^application\/json/);
    const is = (status: number, expected: unknown) => {
      assert.equal(response.statusCode, status, response.body);
      assert.deepEqual(body, expected);
    };
    const says = (status: number, pattern: RegExp) => {
      assert.equal(response.statusCode, status, response.body);
      assert.deepEqual(Object.keys(body), ["message"]);
      assert.match(body.message, pattern);
    };
    switch (fault) {
      case "missing key":
      case "malformed key":
      case "unknown key":
      case "revoked key":
      case "expired key":
        is(401, { message: "Unauthenticated." });
        break;
      case "missing scope":
        says(403, /lacks the scope/);
        break;
      case "malformed JSON":
        says(400, /not valid JSON/);
        break;
      case "body is no object":
        is(422, { message: "The given data was invalid.", errors: { body: ["The request must be a JSON object."] } });
        break;
      case "wrong content type":
        says(415, /application\/json/);
        break;
      case "body too large":
        is(413, { message: "The POST data is too large." });
        break;
      case "a NUL character":
      case "half a surrogate pair":
        says(400, /character/);
        break;
      case "nested too deep":
        says(400, /levels deep/);
        break;
      case "wrong method":
        is(405, {
          message: `The ${methods.wrong} method is not supported for route ${route}. Supported methods: ${methods.supported}.`,
        });
        break;
      case "unknown path":
        is(404, { message: `The route ${route}/no/such/path could not be found.` });
        break;
    }
  };
}
