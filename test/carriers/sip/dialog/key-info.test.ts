import assert from "node:assert/strict";
import { test } from "node:test";
import { readKey } from "../../../../src/carriers/sip/dialog/key-info.ts";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";

const read = (type: string, text: string) => readKey({ headers: createHeaders([["Content-Type", type]]), body: Buffer.from(text) });

test("a key is found among the lines of an application/dtmf-relay body, and alone in application/dtmf (RFC 6086)", () => {
  assert.equal(read("application/dtmf-relay", "\r\nDuration=160\r\nsignal = #\r\n"), "#");
  assert.equal(read("application/dtmf-relay;charset=utf-8", "Signal=11\n"), "#");
  assert.equal(read("application/dtmf", " 5\r\n"), "5");
  assert.equal(read("application/dtmf-relay", "Signal=!\r\n"), undefined);
});

test("a body of line breaks only is not searched for seconds", { timeout: 20_000 }, () => {
  const body = "\n".repeat(65_000);
  for (let i = 0; i < 20; i++) assert.equal(read("application/dtmf-relay", body), undefined);
});
