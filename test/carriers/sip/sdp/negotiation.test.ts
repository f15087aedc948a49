import assert from "node:assert/strict";
import { test } from "node:test";
import { createNegotiation } from "../../../../src/carriers/sip/sdp/createNegotiation.ts";
import { type LocalAudio, SdpError } from "../../../../src/carriers/sip/sdp/negotiation.ts";
import { parseSdp } from "../../../../src/carriers/sip/sdp/parseSdp.ts";

const local = (over: Partial<LocalAudio> = {}): LocalAudio => ({
  address: "192.0.2.10",
  port: 20000,
  codecs: ["PCMA", "PCMU"],
  srtp: "off",
  ...over,
});
const sdp = (...lines: string[]): string =>
  `${["v=0", "o=alice 2890844526 2890844526 IN IP4 host.atlanta.example.com", "s=", "c=IN IP4 198.51.100.7", "t=0 0", ...lines].join("\r\n")}\r\n`;
const key = (fill: number): string => Buffer.alloc(30, fill).toString("base64");
const crypto = (tag: number, suite: 80 | 32, fill: number, rest = ""): string =>
  `a=crypto:${tag} AES_CM_128_HMAC_SHA1_${suite} inline:${key(fill)}${rest}`;
const refuses = (run: () => unknown, status: number, says: RegExp): void => {
  assert.throws(run, (error) => error instanceof SdpError && error.status === status && says.test(error.message));
};
const origin = (text: string): string[] => /^o=(.*)$/m.exec(text)?.[1]?.trim().split(" ") ?? [];

test("an offer says where we listen, our codecs in order, telephone-event 101 and 20 ms (RFC 3264 5.1, RFC 4733 2.4)", () => {
  const text = createNegotiation(local()).offer();
  assert.match(
    text,
    /^v=0\r\no=- \d+ 1 IN IP4 192\.0\.2\.10\r\ns=-\r\nc=IN IP4 192\.0\.2\.10\r\nt=0 0\r\nm=audio 20000 RTP\/AVP 8 0 101\r\n/,
  );
  assert.match(text, /a=rtpmap:101 telephone-event\/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n$/);
  assert.match(createNegotiation(local({ address: "2001:db8::1" })).offer("sendonly"), /c=IN IP6 2001:db8::1\r\n.*a=sendonly\r\n$/s);
});

test("their first codec that we have is taken, by static or dynamic payload type (RFC 3264 6.1)", () => {
  const answer = (offer: string, codecs: LocalAudio["codecs"] = ["PCMA", "PCMU"]) => createNegotiation(local({ codecs })).answer(offer);
  const plain = answer(sdp("m=audio 49170 RTP/AVP 9 0 8 96", "a=rtpmap:96 telephone-event/8000"));
  assert.deepEqual(plain.audio, {
    codec: "PCMU",
    payloadType: 0,
    sendEventPayloadType: 96,
    receiveEventPayloadType: 96,
    remote: { address: "198.51.100.7", port: 49170, rtcpPort: 49171 },
    direction: "sendrecv",
    packetMs: 20,
    srtp: null,
  });
  assert.match(
    plain.sdp,
    /m=audio 20000 RTP\/AVP 0 96\r\na=rtpmap:0 PCMU\/8000\r\na=rtpmap:96 telephone-event\/8000\r\na=fmtp:96 0-16\r\n/,
  );
  assert.equal(answer(sdp("m=audio 1 RTP/AVP 0 8"), ["PCMA"]).audio.payloadType, 8);
  const dynamic = answer(sdp("m=audio 1 RTP/AVP 97 8", "a=rtpmap:97 pcmu/8000/1"));
  assert.equal(dynamic.audio.codec, "PCMU");
  assert.equal(dynamic.audio.payloadType, 97);
  assert.equal(dynamic.audio.sendEventPayloadType, null);
  assert.doesNotMatch(dynamic.sdp, /telephone-event/);
  assert.equal(answer(sdp("m=audio 1 RTP/AVP 0 8", "a=rtpmap:0 G729/8000")).audio.codec, "PCMA");
  assert.equal(answer(sdp("m=audio 1 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/16000")).audio.sendEventPayloadType, null);
});

test("no codec in common, no audio, another transport: 488 in words (RFC 3261 13.3.1.3)", () => {
  const answer = (...lines: string[]) => createNegotiation(local()).answer(sdp(...lines));
  refuses(() => answer("m=audio 1 RTP/AVP 9 18"), 488, /none of our codecs \(PCMA, PCMU\)/);
  refuses(() => answer("m=video 1 RTP/AVP 31"), 488, /no audio/);
  refuses(() => answer("m=audio 0 RTP/AVP 8"), 488, /no audio/);
  refuses(() => answer(), 488, /no audio/);
  refuses(() => answer("m=audio 1 UDP/TLS/RTP/SAVPF 8"), 488, /UDP\/TLS\/RTP\/SAVPF/);
});

test("other media are refused with port 0 in their places, and keep them in our later offers (RFC 3264 6, 8)", () => {
  const negotiation = createNegotiation(local());
  const { sdp: answer } = negotiation.answer(
    sdp("m=video 5000 RTP/AVP 31 34", "m=audio 49170 RTP/AVP 8", "m=audio 49180 RTP/AVP 8", "m=image 4000 udptl t38", "a=rtcp-mux"),
  );
  const shape = (text: string): string[] => text.match(/^m=.*$/gm)?.map((line) => line.trim()) ?? [];
  const refused = ["m=audio 0 RTP/AVP 8", "m=image 0 UDPTL t38"];
  assert.deepEqual(shape(answer), ["m=video 0 RTP/AVP 31 34", "m=audio 20000 RTP/AVP 8", ...refused]);
  assert.doesNotMatch(answer, /rtcp-mux/);
  const again = negotiation.offer();
  assert.deepEqual(shape(again), ["m=video 0 RTP/AVP 31 34", "m=audio 20000 RTP/AVP 8 0 101", ...refused]);
  const audio = negotiation.accept(sdp("m=video 0 RTP/AVP 31", "m=audio 6000 RTP/AVP 0", ...refused));
  assert.equal(audio.remote?.port, 6000);
  assert.equal(audio.codec, "PCMU");
});

test("the answer to our offer: codec, both event types, address of the media before that of the session (RFC 3264 7)", () => {
  const negotiation = createNegotiation(local());
  negotiation.offer();
  const audio = negotiation.accept(
    sdp(
      "m=audio 7000 RTP/AVP 0 100",
      "c=IN IP6 2001:db8::7",
      "a=rtpmap:100 telephone-event/8000",
      "a=rtcp:7777 IN IP4 192.0.2.9",
      "a=ptime:30",
    ),
  );
  assert.deepEqual(audio, {
    codec: "PCMU",
    payloadType: 0,
    sendEventPayloadType: 100,
    receiveEventPayloadType: 101,
    remote: { address: "2001:db8::7", port: 7000, rtcpPort: 7777 },
    direction: "sendrecv",
    packetMs: 30,
    srtp: null,
  });
  assert.deepEqual(negotiation.accept(sdp("m=audio 7000 RTP/AVP 8")).codec, "PCMA", "the 200 after a 183 answers the same offer");
  refuses(() => negotiation.accept(sdp("m=audio 0 RTP/AVP 8")), 488, /refused/);
  refuses(() => negotiation.accept(sdp("m=audio 7000 RTP/AVP 18")), 488, /none of our codecs/);
  refuses(() => createNegotiation(local()).accept(sdp("m=audio 7000 RTP/AVP 8")), 400, /without an offer/);
});

test("packets are as long as they ask, 10 to 60 ms in steps of 10 and within maxptime; else 20 ms (RFC 8866 6.4)", () => {
  const packetMs = (...lines: string[]) => createNegotiation(local()).answer(sdp("m=audio 1 RTP/AVP 8", ...lines)).audio.packetMs;
  assert.equal(packetMs("a=ptime:10"), 10);
  assert.equal(packetMs("a=ptime:60"), 60);
  assert.equal(packetMs("a=ptime:25"), 20);
  assert.equal(packetMs("a=ptime:200"), 20);
  assert.equal(packetMs("a=ptime:0"), 20);
  assert.equal(packetMs("a=ptime:x"), 20);
  assert.equal(packetMs("a=ptime:40", "a=maxptime:30"), 30);
  assert.equal(packetMs("a=maxptime:15"), 10);
  assert.equal(packetMs("a=maxptime:5"), 20);
});

test("directions are mirrored, of the media or of the session (RFC 3264 6.1, RFC 8866 6.7)", () => {
  const direction = (offer: string) => {
    const { audio, sdp: text } = createNegotiation(local()).answer(offer);
    assert.match(text, new RegExp(`a=${audio.direction}\r\n`));
    return audio.direction;
  };
  assert.equal(direction(sdp("m=audio 1 RTP/AVP 8", "a=sendonly")), "recvonly");
  assert.equal(direction(sdp("m=audio 1 RTP/AVP 8", "a=recvonly")), "sendonly");
  assert.equal(direction(sdp("m=audio 1 RTP/AVP 8", "a=inactive")), "inactive");
  assert.equal(direction(sdp("a=sendonly", "m=audio 1 RTP/AVP 8")), "recvonly");
  assert.equal(direction(sdp("a=sendonly", "m=audio 1 RTP/AVP 8", "a=sendrecv")), "sendrecv");
});

test("hold by address 0.0.0.0 is no place to send to, resume is (RFC 3264 8.4)", () => {
  const negotiation = createNegotiation(local());
  negotiation.answer(sdp("m=audio 1000 RTP/AVP 8"));
  const held = negotiation.answer(sdp("m=audio 1000 RTP/AVP 8", "c=IN IP4 0.0.0.0")).audio;
  assert.equal(held.remote, null);
  assert.equal(held.direction, "recvonly");
  const back = negotiation.answer(sdp("m=audio 1000 RTP/AVP 8")).audio;
  assert.equal(back.direction, "sendrecv");
  assert.equal(back.remote?.port, 1000);
});

test("while we hold, their offers do not take us off hold", () => {
  const negotiation = createNegotiation(local());
  negotiation.offer("sendonly");
  assert.equal(negotiation.accept(sdp("m=audio 1000 RTP/AVP 8", "a=recvonly")).direction, "sendonly");
  assert.equal(negotiation.answer(sdp("m=audio 1000 RTP/AVP 8", "a=sendrecv")).audio.direction, "sendonly");
  negotiation.offer();
  negotiation.accept(sdp("m=audio 1000 RTP/AVP 8"));
  assert.equal(negotiation.answer(sdp("m=audio 1000 RTP/AVP 8")).audio.direction, "sendrecv");
});

test("the session's id stays, its version counts up with changes only (RFC 3264 8)", () => {
  const negotiation = createNegotiation(local());
  const first = negotiation.offer();
  assert.equal(negotiation.offer(), first);
  negotiation.accept(sdp("m=audio 1000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"));
  assert.equal(negotiation.offer(), first);
  const held = origin(negotiation.offer("sendonly"));
  assert.equal(held[1], origin(first)[1]);
  assert.equal(held[2], "2");
  assert.equal(origin(negotiation.offer("sendonly"))[2], "2");
  assert.equal(origin(negotiation.offer())[2], "3");
});

test("an offer that was refused changes nothing that was agreed (RFC 3261 14.1)", () => {
  const negotiation = createNegotiation(local());
  negotiation.offer();
  negotiation.accept(sdp("m=audio 1000 RTP/AVP 8"));
  negotiation.offer("inactive");
  negotiation.withdraw();
  assert.equal(negotiation.answer(sdp("m=audio 1000 RTP/AVP 8")).audio.direction, "sendrecv");
  refuses(() => negotiation.answer(sdp("m=audio 1000 RTP/AVP 18")), 488, /none/);
  assert.equal(negotiation.answer(sdp("m=audio 1000 RTP/AVP 8")).audio.direction, "sendrecv");
});

test("a payload type keeps its meaning in our later offers (RFC 3264 8.3.2)", () => {
  const negotiation = createNegotiation(local());
  negotiation.answer(
    sdp("m=audio 1000 RTP/AVP 97 98 101", "a=rtpmap:97 PCMA/8000", "a=rtpmap:98 telephone-event/8000", "a=rtpmap:101 opus/48000/2"),
  );
  const line = parseSdp(negotiation.offer())[0];
  assert.deepEqual(line?.formats, ["97", "0", "98"]);
  const other = createNegotiation(local());
  other.answer(sdp("m=audio 1000 RTP/AVP 8 101 96", "a=rtpmap:101 opus/48000/2", "a=rtpmap:96 speex/8000"));
  assert.deepEqual(parseSdp(other.offer())[0]?.formats, ["8", "0", "97"]);
});

test("each fork of a call goes its own way with the same offer (RFC 3261 13.2.2.4)", () => {
  const negotiation = createNegotiation(local({ srtp: "offer" }));
  const offer = negotiation.offer();
  const fork = negotiation.fork();
  negotiation.accept(sdp("m=audio 1000 RTP/AVP 8"));
  const audio = fork.accept(sdp("m=audio 2000 RTP/AVP 0", crypto(2, 32, 5)));
  assert.equal(audio.codec, "PCMU");
  assert.equal(audio.srtp?.suite, "AES_CM_128_HMAC_SHA1_32");
  assert.equal(fork.offer(), offer);
});

test("SRTP off: plain audio only, keys are passed over", () => {
  const negotiation = createNegotiation(local());
  assert.doesNotMatch(negotiation.offer(), /crypto|SAVP/);
  refuses(() => createNegotiation(local()).answer(sdp("m=audio 1 RTP/SAVP 8", crypto(1, 80, 1))), 488, /SRTP.*off/);
  const { sdp: text, audio } = createNegotiation(local()).answer(sdp("m=audio 1 RTP/AVP 8", crypto(1, 80, 1)));
  assert.equal(audio.srtp, null);
  assert.doesNotMatch(text, /crypto/);
  const two = createNegotiation(local()).answer(sdp("m=audio 1 RTP/SAVP 8", crypto(1, 80, 1), "m=audio 2 RTP/AVP 8"));
  assert.match(two.sdp, /m=audio 0 RTP\/SAVP 8\r\nm=audio 20000 RTP\/AVP 8\r\n/);
});

test("SRTP offered: RTP/AVP with a key for each suite, used when the answer has one (RFC 4568 5.1)", () => {
  const negotiation = createNegotiation(local({ srtp: "offer" }));
  const offered = parseSdp(negotiation.offer())[0];
  assert.equal(offered?.protocol, "RTP/AVP");
  assert.deepEqual(
    offered.crypto.map((one) => one.split(" ").slice(0, 2)),
    [
      ["1", "AES_CM_128_HMAC_SHA1_80"],
      ["2", "AES_CM_128_HMAC_SHA1_32"],
    ],
  );
  assert.equal(negotiation.accept(sdp("m=audio 1 RTP/AVP 8")).srtp, null);
  const { srtp } = negotiation.accept(sdp("m=audio 1 RTP/AVP 8", crypto(2, 32, 9)));
  assert.equal(srtp?.suite, "AES_CM_128_HMAC_SHA1_32");
  assert.deepEqual(srtp.remoteKey, Buffer.alloc(30, 9));
  assert.ok(offered.crypto[1]?.endsWith(`inline:${srtp.localKey.toString("base64")}`));
  refuses(() => negotiation.accept(sdp("m=audio 1 RTP/AVP 8", crypto(3, 80, 9))), 488, /belongs to none/);
  refuses(() => negotiation.accept(sdp("m=audio 1 RTP/AVP 8", crypto(1, 32, 9))), 488, /belongs to none/);
  refuses(() => negotiation.accept(sdp("m=audio 1 RTP/SAVP 8")), 488, /no key/);
});

test("SRTP offered to us is answered with the key of the same tag, on the transport that they named (RFC 4568 5.1.2)", () => {
  for (const [transport, tag] of [
    ["RTP/SAVP", 7],
    ["RTP/AVP", 2],
  ] as const) {
    const { sdp: text, audio } = createNegotiation(local({ srtp: "offer" })).answer(
      sdp(`m=audio 1 ${transport} 8`, "a=crypto:1 F8_128_HMAC_SHA1_80 inline:x", crypto(tag, 32, 3, "|2^20"), crypto(9, 80, 4)),
    );
    assert.equal(audio.srtp?.suite, "AES_CM_128_HMAC_SHA1_32");
    assert.deepEqual(audio.srtp.remoteKey, Buffer.alloc(30, 3));
    const line = parseSdp(text)[0];
    assert.equal(line?.protocol, transport);
    assert.deepEqual(line.crypto, [`${tag} AES_CM_128_HMAC_SHA1_32 inline:${audio.srtp.localKey.toString("base64")}`]);
  }
  assert.equal(createNegotiation(local({ srtp: "offer" })).answer(sdp("m=audio 1 RTP/AVP 8")).audio.srtp, null);
  refuses(() => createNegotiation(local({ srtp: "offer" })).answer(sdp("m=audio 1 RTP/SAVP 8")), 488, /no key that we can use/);
});

test("keys that we cannot use are passed over: master key identifiers, several keys, unknown session parameters, wrong lengths (RFC 4568 6)", () => {
  const srtp = (line: string) => createNegotiation(local({ srtp: "offer" })).answer(sdp("m=audio 1 RTP/AVP 8", line)).audio.srtp;
  assert.equal(srtp(crypto(1, 80, 1, "|2^20|1:4")), null);
  assert.equal(srtp(crypto(1, 80, 1, "|1:4")), null);
  assert.equal(srtp(crypto(1, 80, 1, `;inline:${key(2)}`)), null);
  assert.equal(srtp(crypto(1, 80, 1, " UNENCRYPTED_SRTP")), null);
  assert.equal(srtp(crypto(1, 80, 1, " KDR=1")), null);
  assert.equal(srtp("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ="), null);
  assert.equal(srtp("a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:"), null);
  assert.equal(srtp("a=crypto:"), null);
  assert.ok(srtp(crypto(1, 80, 1, "|1048576 WSH=64 -OPTIONAL")));
});

test("SRTP required: RTP/SAVP is offered, and nothing without a key is taken", () => {
  const negotiation = createNegotiation(local({ srtp: "require" }));
  assert.match(negotiation.offer(), /m=audio 20000 RTP\/SAVP 8 0 101\r\n.*a=crypto:1 /s);
  refuses(() => negotiation.accept(sdp("m=audio 1 RTP/SAVP 8")), 488, /required.*no key/);
  assert.ok(negotiation.accept(sdp("m=audio 1 RTP/SAVP 8", crypto(1, 80, 1))).srtp);
  const answer = (...lines: string[]) => createNegotiation(local({ srtp: "require" })).answer(sdp(...lines));
  refuses(() => answer("m=audio 1 RTP/AVP 8"), 488, /required/);
  refuses(() => answer("m=audio 1 RTP/SAVP 8"), 488, /no key/);
  assert.ok(answer("m=audio 1 RTP/AVP 8", "m=audio 2 RTP/SAVP 8", crypto(1, 80, 1)).audio.srtp);
});

test("keys stay over re-INVITEs, ours changes when theirs does (RFC 4568 7.1.4)", () => {
  const negotiation = createNegotiation(local({ srtp: "offer" }));
  const offer = (fill: number) => sdp("m=audio 1 RTP/SAVP 8", crypto(1, 80, fill));
  const first = negotiation.answer(offer(1)).audio.srtp;
  const second = negotiation.answer(offer(1)).audio.srtp;
  assert.deepEqual(second, first);
  assert.match(
    negotiation.offer(),
    new RegExp(`m=audio 20000 RTP/SAVP .*inline:${first?.localKey.toString("base64").replaceAll("+", "\\+")}`, "s"),
  );
  negotiation.withdraw();
  const third = negotiation.answer(offer(2)).audio.srtp;
  assert.notDeepEqual(third?.localKey, first?.localKey);
});
