import assert from "node:assert/strict";
import { test } from "node:test";
import type { Carrier } from "../../src/carriers/carrier.ts";
import { createCarrierRouter } from "../../src/carriers/createCarrierRouter.ts";

const dialledBy = (name: string, dialled: string[]): Carrier => ({
  dial({ callId }) {
    dialled.push(`${name} ${callId}`);
    return { hangup: () => undefined, transfer: async () => ({ accepted: true }) };
  },
});

const request = (callId: string, trunkId: string | null) => ({ callId, trunkId, from: "+1", to: "+2", ringTimeoutSeconds: 1 });
const deaf = { ringing: () => undefined, answered: () => undefined, ended: () => undefined };

test("a call on a trunk goes over SIP, one without to the simulator", () => {
  const dialled: string[] = [];
  const router = createCarrierRouter({ simulator: dialledBy("simulator", dialled), sip: dialledBy("sip", dialled) });
  router.dial(request("a", null), deaf);
  router.dial(request("b", "trunk"), deaf);
  assert.deepEqual(dialled, ["simulator a", "sip b"]);
});
