import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createNegotiation } from "../../../../src/carriers/sip/sdp/createNegotiation.ts";
import { SdpError } from "../../../../src/carriers/sip/sdp/negotiation.ts";
import { parseSdp } from "../../../../src/carriers/sip/sdp/parseSdp.ts";

const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";
const refuses = (text: string, status: number, says: RegExp): void => {
  const run = (): unknown => createNegotiation({ address: "192.0.2.1", port: 4000, codecs: ["PCMA"], srtp: "off" }).answer(text);
  assert.throws(run, (error) => error instanceof SdpError && error.status === status && says.test(error.message), text.slice(0, 80));
};

test("what is no session description is refused in words (RFC 8866 5)", () => {
  refuses("", 400, /empty/);
  refuses("\r\n\r\n", 400, /empty/);
  refuses("x".repeat(70_000), 400, /too large/);
  refuses("v=0\0", 400, /not text/);
  refuses("hello", 400, /v=0/);
  refuses("v=1\r\n", 400, /v=0/);
  refuses("v=0\r\ns=-\r\nm=audio 1 RTP/AVP 8\r\n", 400, /o=/);
  refuses(`${head}nonsense\r\n`, 400, /not a line/);
  refuses(`${head}m=audio 99999 RTP/AVP 8\r\n`, 400, /above 65535/);
  refuses(`${head}m=audio -1 RTP/AVP 8\r\n`, 400, /media line/);
  refuses(`${head}m=audio 1 RTP/AVP\r\n`, 400, /media line/);
  refuses(`${head}m=audio\r\n`, 400, /media line/);
  refuses(`${head}c=IN IP4 <bad>\r\nm=audio 1 RTP/AVP 8\r\n`, 400, /connection line/);
  refuses(`${head}m=audio 1 RTP/AVP 8\r\n`, 400, /no connection/);
  refuses(`${head}${"a=x\r\n".repeat(3000)}`, 400, /2000 lines/);
  refuses(`${head}${"m=video 1 RTP/AVP 31\r\n".repeat(40)}`, 400, /32 media/);
  refuses(`${head}c=IN IP4 192.0.2.2\r\nm=audio 1 RTP/AVP 8\r\na=rtcp:70000\r\n`, 400, /above 65535/);
});

test("empty lines are passed over", () => {
  const text = `${head}c=IN IP4 192.0.2.2\r\nm=audio 1 RTP/AVP 8\r\n`;
  assert.deepEqual(parseSdp(text.replaceAll("\r\n", "\r\n \r\n")), parseSdp(text));
});

test("line ends of LF alone, host names, port counts and unknown lines are taken (RFC 8866 5)", () => {
  const [line] = parseSdp(
    "v=0\no=x y z\nc=IN IP4 media.example.com\nk=clear:x\nm=audio 49170/2 rtp/avp 8\na=rtpmap:8 PCMA/8000\na=rtpmap:bad\n",
  );
  assert.equal(line?.address, "media.example.com");
  assert.equal(line.port, 49170);
  assert.equal(line.protocol, "RTP/AVP");
  assert.equal(line.encodings.get(8), "PCMA/8000");
});

test("nothing but SdpError comes of any text", () => {
  const pieces = [
    "v=0",
    "o=- 1 1 IN IP4 h",
    "c=IN IP4 0.0.0.0",
    "m=audio 1 RTP/AVP 8",
    "m=",
    "a=crypto:1",
    "a=rtpmap:8",
    "a=ptime:",
    "\r\n",
    "\n",
    " ",
    "a=rtcp:",
    "=",
  ];
  const text = fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "binary", maxLength: 8 })), { maxLength: 30 })
    .map((all) => `v=0\r\n${all.join("")}`);
  fc.assert(
    fc.property(text, (offer) => {
      for (const srtp of ["off", "offer", "require"] as const) {
        try {
          createNegotiation({ address: "192.0.2.1", port: 4000, codecs: ["PCMA"], srtp }).answer(offer);
        } catch (error) {
          assert.ok(error instanceof SdpError, String(error));
        }
      }
    }),
    { seed: 4566, numRuns: 1000 },
  );
});
