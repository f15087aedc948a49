import assert from "node:assert/strict";
import { test } from "node:test";
import { contentType, sdpOf } from "../../../../src/carriers/sip/dialog/bodies.ts";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";

const message = (type: string, body: string) => ({ headers: createHeaders([["c", type]]), body: Buffer.from(body) });
const SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";

test("an SDP is found alone, whatever the case and the parameters of its type", () => {
  assert.equal(sdpOf(message("Application/SDP ; charset=utf-8", SDP)), SDP);
  assert.equal(contentType(message("Application/SDP ; charset=utf-8", SDP)), "application/sdp");
  assert.equal(sdpOf(message("application/sdp", "")), undefined);
  assert.equal(sdpOf(message("text/plain", SDP)), undefined);
});

test("an SDP is found among several parts, as exchanges send it beside ISUP or QSIG (RFC 5621 3, RFC 2046 5.1)", () => {
  const parts = (mark: string) =>
    [
      "before",
      `--${mark}`,
      "Content-Type: application/x-q931",
      "Content-Disposition: signal;handling=optional",
      "",
      "\u0008\u0002",
      `--${mark}`,
      "content-type : application/SDP;charset=utf-8",
      "",
      SDP,
      `--${mark}--`,
      "after",
    ].join("\r\n");
  assert.equal(sdpOf(message("multipart/mixed;boundary=unique-1", parts("unique-1"))), SDP);
  assert.equal(sdpOf(message('multipart/mixed; boundary="a b"', parts("a b"))), SDP);
  assert.equal(sdpOf(message("multipart/mixed", parts("unique-1"))), undefined);
  assert.equal(sdpOf(message("multipart/mixed;boundary=other", parts("unique-1"))), undefined);
  assert.equal(sdpOf(message("multipart/mixed;boundary=x", "--x\r\nContent-Type: application/sdp")), undefined);
  assert.equal(sdpOf(message("multipart/mixed;boundary=x", `--x--\r\nContent-Type: application/sdp\r\n\r\n${SDP}`)), undefined);
});
