import assert from "node:assert/strict";
import { test } from "node:test";
import { createStreamParser } from "../../../../src/carriers/sip/message/createStreamParser.ts";
import { parseMessage } from "../../../../src/carriers/sip/message/parseMessage.ts";
import { writeMessage } from "../../../../src/carriers/sip/message/writeMessage.ts";
import { mutate, pick } from "../../../sip/support/mutate.ts";
import { torture } from "../torture.ts";
import { seeded } from "../transport/support/lossyRelay.ts";
import { eventsOf } from "./eventsOf.ts";

test("10,000 mutations of the torture messages: a message or a refusal, and what is read is written and read the same", () => {
  const random = seeded(4475);
  let read = 0;
  let refused = 0;
  for (let i = 0; i < 10_000; i++) {
    const bytes = mutate(pick(torture, random).bytes, pick(torture, random).bytes, random);
    const result = parseMessage(bytes);
    if (!result.ok) {
      refused++;
      assert.ok([400, 505, 513].includes(result.status));
      assert.match(result.detail, /^[^\r\n]+$/);
      continue;
    }
    read++;
    const written = writeMessage(result.message);
    const again = parseMessage(written);
    assert.ok(again.ok, `${again.ok ? "" : again.detail}\n${bytes.toString("latin1")}`);
    assert.deepEqual(writeMessage(again.message), written);
  }
  assert.ok(read > 1000 && refused > 1000, `${read} read, ${refused} refused`);
});

test("10,000 mutated chunks: the stream parser throws nothing and never tells anything after it broke", () => {
  const random = seeded(183);
  let messages = 0;
  for (let i = 0; i < 10_000; i++) {
    const parser = createStreamParser();
    const from = pick(torture, random).bytes;
    const bytes = Buffer.concat([from, mutate(from, pick(torture, random).bytes, random)]);
    let broken = false;
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + Math.floor(random() * 400);
      for (const event of eventsOf(parser, bytes.subarray(at, at + length))) {
        assert.equal(broken, false);
        broken = event.kind === "broken";
        if (event.kind === "message") messages++;
      }
      at += length;
    }
  }
  assert.ok(messages > 5000, `${messages} messages`);
});
