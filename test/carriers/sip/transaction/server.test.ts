import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import type { ServerTransaction } from "../../../../src/carriers/sip/endpoint.ts";
import type { SipRequest } from "../../../../src/carriers/sip/message/message.ts";
import { until } from "../../../support/until.ts";
import { OBLIGING, open, targetOf } from "../transport/support/endpoints.ts";
import { headerOf, rawPeer, rawRequest } from "../transport/support/rawPeer.ts";

test("a request that comes again is answered again, and told once (17.2.2)", async (t) => {
  let told = 0;
  const server = await open(t, {
    request: (transaction) => {
      told += 1;
      transaction.respond({ status: 200 });
    },
  });
  const peer = await rawPeer(t);
  for (let i = 0; i < 3; i++) peer.send(rawRequest(peer), targetOf(server));
  await peer.next(/200/, 3);
  assert.equal(told, 1);
  assert.equal(new Set(peer.heard).size, 1, "the same bytes");
  // 17.2.3: another branch, another sent-by, another method is another transaction.
  peer.send(rawRequest(peer, { branch: ";branch=z9hG4bKother", callId: "2" }), targetOf(server));
  peer.send(rawRequest(peer, { via: `SIP/2.0/UDP 127.0.0.2:${peer.port};rport`, callId: "3" }), targetOf(server));
  peer.send(rawRequest(peer, { method: "MESSAGE", callId: "4" }), targetOf(server));
  await peer.next(/200/, 6);
  assert.equal(told, 4);
});

test("a branch without the magic cookie: matched by what RFC 2543 has (17.2.3)", async (t) => {
  const told: SipRequest[] = [];
  const acks: SipRequest[] = [];
  const server = await open(t, {
    request: (transaction) => {
      told.push(transaction.request);
      transaction.respond({ status: 486, tag: "bob" });
    },
    ack: (ack) => acks.push(ack),
  });
  const peer = await rawPeer(t);
  const invite = { method: "INVITE", branch: ";branch=1" };
  peer.send(rawRequest(peer, invite), targetOf(server));
  peer.send(rawRequest(peer, invite), targetOf(server));
  await peer.next(/486/, 2);
  assert.equal(told.length, 1);
  peer.send(rawRequest(peer, { ...invite, sequence: 2 }), targetOf(server));
  await until(() => told.length === 2, { what: "the next sequence number" });
  // The ACK's To has the tag of our response; it is absorbed, and stops the retransmission.
  for (const sequence of [1, 2]) {
    peer.send(rawRequest(peer, { ...invite, method: "ACK", to: "<sip:bob@example.com>;tag=bob", sequence }), targetOf(server));
  }
  await until(() => server.size.server === 0, { what: "timer I" });
  assert.equal(acks.length, 0);
});

test("responses copy Via, From, To, Call-ID, CSeq; one tag for all of a transaction (8.2.6)", async (t) => {
  const server = await open(t, {
    request: (transaction) => {
      transaction.respond({ status: 183 });
      transaction.respond({ status: 486, reason: "Busy", headers: [["Warning", '399 leadline "x"']] });
    },
  });
  const peer = await rawPeer(t);
  const text = rawRequest(peer, { method: "INVITE", extra: ["Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKfirst", "Timestamp: 5"] });
  peer.send(text, targetOf(server));
  const ringing = await peer.next(/^SIP\/2.0 183 Session Progress/);
  const busy = await peer.next(/^SIP\/2.0 486 Busy/);
  for (const response of [ringing, busy]) {
    const vias = response.split("\r\n").filter((line) => line.startsWith("Via: "));
    assert.deepEqual(vias, [
      `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};rport=${peer.port};branch=z9hG4bKraw;received=127.0.0.1`,
      "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKfirst",
    ]);
    assert.equal(headerOf(response, "CSeq"), "1 INVITE");
    assert.equal(headerOf(response, "Timestamp"), undefined);
  }
  assert.equal(headerOf(ringing, "To"), headerOf(busy, "To"));
  assert.match(headerOf(busy, "To") ?? "", /;tag=\w+$/);
  assert.equal(headerOf(busy, "Warning"), '399 leadline "x"');
});

test("100 comes by itself after 200 ms, with Timestamp and without a tag (17.2.1, 8.2.6.1)", async (t) => {
  const server = await open(t);
  const peer = await rawPeer(t);
  peer.send(rawRequest(peer, { method: "INVITE", extra: ["Timestamp: 5"] }), targetOf(server));
  const trying = await peer.next(/^SIP\/2.0 100 Trying/);
  assert.equal(headerOf(trying, "Timestamp"), "5");
  assert.equal(headerOf(trying, "To"), "<sip:bob@example.com>");
});

describe("until its transaction is over", { concurrency: true }, () => {
  test("CANCEL: 200 to it, told to the owner, who ends the INVITE with 487 (9.2)", async (t) => {
    const acks: SipRequest[] = [];
    const server = await open(t, {
      request: (transaction) => {
        transaction.respond({ status: 180, tag: "bob" });
        transaction.handler = { canceled: () => transaction.respond({ status: 487, tag: "bob" }) };
      },
      ack: (ack) => acks.push(ack),
    });
    const peer = await rawPeer(t);
    peer.send(rawRequest(peer, { method: "INVITE" }), targetOf(server));
    await peer.next(/180/);
    peer.send(rawRequest(peer, { method: "CANCEL" }), targetOf(server));
    peer.send(rawRequest(peer, { method: "CANCEL" }), targetOf(server));
    const ok = await peer.next(/^SIP\/2.0 200/, 2);
    assert.equal(headerOf(ok, "CSeq"), "1 CANCEL");
    assert.match(headerOf(ok, "To") ?? "", /;tag=bob$/);
    await peer.next(/487/);
    peer.send(rawRequest(peer, { method: "ACK", to: "<sip:bob@example.com>;tag=bob" }), targetOf(server));
    await until(() => server.size.server === 0, { what: "the end of both" });
    assert.equal(acks.length, 0, "the ACK of a refusal is absorbed");
  });

  test("a lost ACK: the 2xx is sent again, then told as unacknowledged (13.3.1.4)", async (t) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = await open(t, {
      request: (transaction) => {
        transaction.handler = { unacknowledged: resolve };
        transaction.respond({ status: 200 });
      },
    });
    const peer = await rawPeer(t);
    peer.send(rawRequest(peer, { method: "INVITE" }), targetOf(server));
    await peer.next(/200/, 4);
    await promise;
    await until(() => server.size.server === 0);
  });

  test("a request whose handler throws, or that nobody answers, gets 500", async (t) => {
    const server = await open(t, {
      request: (transaction) => {
        if (transaction.request.method === "INFO") throw new Error("a mistake in a handler");
      },
    });
    const peer = await rawPeer(t);
    peer.send(rawRequest(peer, { method: "INFO" }), targetOf(server));
    peer.send(rawRequest(peer, { method: "MESSAGE", branch: ";branch=z9hG4bKmessage" }), targetOf(server));
    const [one, two] = [await peer.next(/^SIP\/2.0 500/), await peer.next(/^SIP\/2.0 500/, 2)];
    assert.deepEqual([headerOf(one, "CSeq"), headerOf(two, "CSeq")].sort(), ["1 INFO", "1 MESSAGE"]);
  });
});

test("CANCEL that crosses our 200 changes nothing; one that belongs to nothing gets 481 (9.2)", async (t) => {
  const canceled: ServerTransaction[] = [];
  const acks: SipRequest[] = [];
  const server = await open(t, {
    request: (transaction) => {
      transaction.handler = { canceled: () => void canceled.push(transaction) };
      transaction.respond({ status: 200, tag: "bob" });
    },
    ack: (ack) => acks.push(ack),
  });
  const peer = await rawPeer(t);
  peer.send(rawRequest(peer, { method: "INVITE" }), targetOf(server));
  await peer.next(/200/);
  peer.send(rawRequest(peer, { method: "CANCEL" }), targetOf(server));
  await until(() => peer.heard.some((one) => one.startsWith("SIP/2.0 200") && headerOf(one, "CSeq") === "1 CANCEL"));
  assert.equal(canceled.length, 0);
  peer.send(rawRequest(peer, { method: "CANCEL", branch: ";branch=z9hG4bKnothing" }), targetOf(server));
  await peer.next(/^SIP\/2.0 481/);
  // The ACK of a 2xx is the owner's, with a branch of its own or, by mistake, the INVITE's.
  for (const branch of [";branch=z9hG4bKraw", ";branch=z9hG4bKack"]) {
    peer.send(rawRequest(peer, { method: "ACK", branch, to: "<sip:bob@example.com>;tag=bob" }), targetOf(server));
  }
  await until(() => acks.length === 2);
});

test("the same request on another way is refused with 482 while the first is at work; after a refusal it is a new try (8.2.2.2)", async (t) => {
  const transactions: ServerTransaction[] = [];
  const server = await open(t, { request: (transaction) => void transactions.push(transaction) });
  const peer = await rawPeer(t);
  peer.send(rawRequest(peer, { method: "INVITE" }), targetOf(server));
  peer.send(rawRequest(peer, { method: "INVITE", branch: ";branch=z9hG4bKother" }), targetOf(server));
  await peer.next(/^SIP\/2.0 482/);
  assert.equal(transactions.length, 1);
  // Within a dialog, or with the next sequence number, it is no copy.
  peer.send(rawRequest(peer, { method: "INVITE", branch: ";branch=z9hG4bKthird", to: "<sip:bob@example.com>;tag=b" }), targetOf(server));
  peer.send(rawRequest(peer, { method: "INVITE", branch: ";branch=z9hG4bKfourth", sequence: 2 }), targetOf(server));
  await until(() => transactions.length === 3);
  transactions[0]?.respond({ status: 480 });
  peer.send(rawRequest(peer, { method: "INVITE", branch: ";branch=z9hG4bKfifth" }), targetOf(server));
  await until(() => transactions.length === 4);
});

test("a method is compared with its case (7.1)", async (t) => {
  const methods: string[] = [];
  const server = await open(t, {
    request: (transaction) => {
      methods.push(transaction.request.method);
      transaction.respond({ status: 501 });
    },
  });
  const peer = await rawPeer(t);
  peer.send(rawRequest(peer, { method: "cancel" }), targetOf(server));
  peer.send(rawRequest(peer, { method: "ack", branch: ";branch=z9hG4bKack", callId: "2" }), targetOf(server));
  await peer.next(/501/, 2);
  assert.deepEqual(methods.sort(), ["ack", "cancel"]);
});

test("a response that cannot be written is a 500 to the other side", async (t) => {
  const server = await open(t, {
    request: (transaction) => transaction.respond({ status: 200, headers: [["Contact", "<sip:a>\r\nEvil: 1"]] }),
  });
  const peer = await rawPeer(t);
  peer.send(rawRequest(peer), targetOf(server));
  const response = await peer.next(/^SIP\/2.0/);
  assert.match(response, /^SIP\/2.0 500/);
  assert.ok(!response.includes("Evil"));
});

test("requests that cannot be read are answered with what is wrong, and never an ACK or what is no request (8.2.6, 21.4.1)", async (t) => {
  const server = await open(t, OBLIGING);
  const peer = await rawPeer(t);
  const bad = (more: Parameters<typeof rawRequest>[1]) => peer.send(rawRequest(peer, more), targetOf(server));
  bad({ version: "SIP/7.0", branch: ";branch=z9hG4bKv" });
  const version = await peer.next(/^SIP\/2.0 505/);
  assert.match(headerOf(version, "Via") ?? "", /;branch=z9hG4bKv;received=127.0.0.1$/);
  assert.match(headerOf(version, "To") ?? "", /;tag=\w+$/);
  bad({ extra: ["CSeq: 2 OPTIONS"] });
  const twice = await peer.next(/^SIP\/2.0 400/);
  bad({ extra: ["CSeq: 2 OPTIONS"] });
  assert.equal(await peer.next(/^SIP\/2.0 400/, 2), twice, "the same tag each time");
  const before = peer.heard.length;
  bad({ method: "ACK", extra: ["CSeq: 2 ACK"] });
  peer.send("\r\n\r\n", targetOf(server));
  peer.send("hello", targetOf(server));
  peer.send("SIP/2.0 200 OK\r\nVia: x\r\n\r\n", targetOf(server));
  peer.send("OPTIONS sip:x SIP/2.0\r\nTo: a\r\n\r\n", targetOf(server));
  bad({ branch: ";branch=z9hG4bKgood", callId: "good" });
  await peer.next(/^SIP\/2.0 200/);
  assert.equal(peer.heard.length, before + 1);
});

test("with a Via that cannot be read: answered where it came from, over UDP and TCP, with that Via as it was (RFC 4475 3.1.2.1)", async (t) => {
  const server = await open(t, OBLIGING, {
    listen: (["udp", "tcp"] as const).map((protocol) => ({ protocol, address: "127.0.0.1", port: 0 })),
  });
  const peer = await rawPeer(t);
  const text = (method: string, more: Parameters<typeof rawRequest>[1] = {}) =>
    rawRequest(peer, { method, via: "SIP/2.0/UDP 192.0.2.15;;,;,,", branch: "", ...more });
  const right = (answer: string) => {
    assert.match(answer, /^SIP\/2\.0 400 Via cannot be read: SIP\/2\.0\/UDP 192\.0\.2\.15;;\r\n/);
    assert.deepEqual(
      answer.split("\r\n").filter((line) => line.startsWith("Via: ")),
      ["Via: SIP/2.0/UDP 192.0.2.15;;,;,,", "Via: SIP/2.0/UDP 192.0.2.16"],
    );
    assert.equal(headerOf(answer, "CSeq"), "1 INVITE");
  };
  const behind = ["Via: SIP/2.0/UDP 192.0.2.16"];
  peer.send(text("INVITE", { extra: behind }), targetOf(server));
  right(await peer.next(/^SIP\/2\.0 400/));

  const socket = connect(targetOf(server, "tcp").port, "127.0.0.1");
  t.after(() => socket.destroy());
  let heard = "";
  socket.on("data", (bytes) => {
    heard += bytes.toString();
  });
  socket.write(text("INVITE", { extra: behind }));
  right(await until(() => heard.endsWith("\r\n\r\n") && heard, { what: "an answer on the connection" }));

  const before = peer.heard.length;
  peer.send(text("ACK"), targetOf(server));
  peer.send(text("INVITE", { via: "" }), targetOf(server));
  peer.send(text("INVITE").replace(/^.*/, "SIP/2.0 400 Via cannot be read"), targetOf(server));
  peer.send(rawRequest(peer, { branch: ";branch=z9hG4bKgood" }), targetOf(server));
  await peer.next(/^SIP\/2\.0 200/);
  assert.equal(peer.heard.length, before + 1, "no ACK, nothing without a Via and no response is answered");
});

test("what cannot be read is answered so often and no more from one source", async (t) => {
  const server = await open(t, OBLIGING);
  const peer = await rawPeer(t);
  for (let i = 0; i < 200; i++) peer.send(rawRequest(peer, { version: "SIP/7.0" }), targetOf(server));
  peer.send(rawRequest(peer, { branch: ";branch=z9hG4bKgood" }), targetOf(server));
  await peer.next(/^SIP\/2.0 200/);
  const answered = peer.heard.length - 1;
  assert.ok(answered >= 100 && answered < 180, `${answered} answers`);
});

test("without rport the answer goes to the port of the Via, from the port that was asked (18.2.2)", async (t) => {
  const server = await open(t, OBLIGING);
  const asker = await rawPeer(t);
  const hearer = await rawPeer(t);
  asker.send(
    rawRequest(asker, { via: `SIP/2.0/UDP wrong.example.com:${hearer.port};received=192.0.2.1;maddr=192.0.2.2` }),
    targetOf(server),
  );
  const response = await hearer.next(/200/);
  assert.match(headerOf(response, "Via") ?? "", /;received=127.0.0.1/);
  assert.equal(asker.heard.length, 0);
});

test("too many at once: 503 with Retry-After and no state, dialogs still get through", async (t) => {
  const transactions: ServerTransaction[] = [];
  const server = await open(t, { request: (transaction) => void transactions.push(transaction) }, { limits: { serverTransactions: 2 } });
  const peer = await rawPeer(t);
  for (let i = 0; i < 4; i++)
    peer.send(rawRequest(peer, { method: "INVITE", branch: `;branch=z9hG4bK${i}`, callId: `${i}` }), targetOf(server));
  const busy = await peer.next(/^SIP\/2.0 503/, 2);
  assert.equal(headerOf(busy, "Retry-After"), "5");
  assert.equal(server.size.server, 2);
  peer.send(rawRequest(peer, { method: "BYE", branch: ";branch=z9hG4bKbye", to: "<sip:bob@example.com>;tag=b" }), targetOf(server));
  await until(() => transactions.length === 3);
});

test("of somebody unknown nothing is kept, and the same request gets the same answer (8.2.7)", async (t) => {
  const asked: ServerTransaction[] = [];
  const server = await open(t, {
    request: (transaction) => {
      asked.push(transaction);
      if (transaction.request.callId !== "late") transaction.respond({ status: 403, stateless: true });
    },
  });
  const peer = await rawPeer(t);
  const invite = rawRequest(peer, { method: "INVITE" });
  peer.send(invite, targetOf(server));
  const answer = await peer.next(/^SIP\/2.0 403/);
  assert.match(headerOf(answer, "To") ?? "", /;tag=\w+$/);
  peer.send(invite, targetOf(server));
  assert.equal(await peer.next(/^SIP\/2.0 403/, 2), answer);
  assert.equal(asked.length, 2);
  // There is nothing to be canceled; nothing is kept of that either.
  for (let i = 0; i < 50; i++) peer.send(rawRequest(peer, { method: "CANCEL", branch: `;branch=z9hG4bK${i}` }), targetOf(server));
  await peer.next(/^SIP\/2.0 481/, 50);
  assert.equal(server.size.server, 0);
  // Who has heard a 100 does not send the request again: the answer must not get lost.
  const late = rawRequest(peer, { method: "INVITE", branch: ";branch=z9hG4bKlate", callId: "late" });
  peer.send(late, targetOf(server));
  await until(() => asked.length === 3);
  peer.send(late, targetOf(server));
  await peer.next(/^SIP\/2.0 100/);
  asked[2]?.respond({ status: 404, stateless: true });
  await peer.next(/^SIP\/2.0 404/, 3);
  assert.equal(server.size.server, 1);
});
