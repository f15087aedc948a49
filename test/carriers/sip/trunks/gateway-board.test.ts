import assert from "node:assert/strict";
import { test } from "node:test";
import { createGatewayBoard } from "../../../../src/carriers/sip/trunks/gateway-board.ts";

test("a gateway whose name gets other addresses may call from the old ones for as long as it may hold our registration there", () => {
  let now = 0;
  const board = createGatewayBoard(() => now);
  const gateway = { protocol: "udp", host: "sip.example", port: null } as const;
  const addresses = () => board.addresses("trunk", gateway).toSorted();
  board.setAddresses("trunk", gateway, ["192.0.2.1"]);
  now += 30_000;
  board.setAddresses("trunk", gateway, ["192.0.2.2"]);
  assert.deepEqual(addresses(), ["192.0.2.1", "192.0.2.2"]);
  now += 3_600_000;
  assert.deepEqual(addresses(), ["192.0.2.1", "192.0.2.2"], "while the DNS is away nothing is forgotten");
  board.setAddresses("trunk", gateway, ["192.0.2.2"]);
  assert.deepEqual(addresses(), ["192.0.2.2"]);
});
