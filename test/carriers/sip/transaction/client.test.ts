import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nameAddr } from "../../../../src/carriers/sip/message/nameAddr.ts";
import { sipUri } from "../../../../src/carriers/sip/message/uri.ts";
import { until } from "../../../support/until.ts";
import { hear, open } from "../transport/support/endpoints.ts";
import { makeRequest } from "../transport/support/messages.ts";
import { headerOf, rawPeer, rawResponse } from "../transport/support/rawPeer.ts";

test("the ACK of a refusal has the INVITE's Via, URI, Route and number, and the response's To (17.1.1.3)", async (t) => {
  const peer = await rawPeer(t);
  const client = await open(t);
  const heard = hear();
  const route = [nameAddr(sipUri({ host: "proxy.example.com", params: [["lr", null]] }))];
  client.request(makeRequest("INVITE", { cseq: { sequence: 7, method: "INVITE" }, route }), peer.target, heard);
  const invite = await peer.next(/^INVITE/);
  peer.send(rawResponse(invite, 486, "bob"), targetOfVia(invite));
  const ack = await peer.next(/^ACK/);
  assert.equal(ack.split("\r\n")[0], "ACK sip:bob@example.com SIP/2.0");
  for (const name of ["Via", "From", "Call-ID", "Route"]) assert.equal(headerOf(ack, name), headerOf(invite, name), name);
  assert.equal(headerOf(ack, "CSeq"), "7 ACK");
  assert.match(headerOf(ack, "To") ?? "", /;tag=bob$/);
  peer.send(rawResponse(invite, 486, "bob"), targetOfVia(invite));
  await peer.next(/^ACK/, 2);
  assert.equal(heard.finals.length, 1);
});

test("CANCEL before any response waits for the 100; the INVITE then ends with 487 (9.1)", async (t) => {
  const peer = await rawPeer(t);
  const client = await open(t, {}, { timers: { t1Ms: 100, t2Ms: 400, t4Ms: 50 } });
  const heard = hear();
  const transaction = client.request(makeRequest("INVITE"), peer.target, heard);
  await until(() => transaction.sentTo);
  transaction.cancel('SIP;cause=200;text="Call completed elsewhere"');
  const invite = await peer.next(/^INVITE/, 2);
  assert.ok(!peer.heard.some((one) => one.startsWith("CANCEL")));
  peer.send(rawResponse(invite, 100, "bob"), targetOfVia(invite));
  const cancel = await peer.next(/^CANCEL/);
  for (const name of ["Via", "From", "To", "Call-ID"]) assert.equal(headerOf(cancel, name), headerOf(invite, name), name);
  assert.equal(headerOf(cancel, "CSeq"), "1 CANCEL");
  assert.equal(headerOf(cancel, "Reason"), 'SIP;cause=200;text="Call completed elsewhere"');
  peer.send(rawResponse(cancel, 200, "bob"), targetOfVia(cancel));
  peer.send(rawResponse(invite, 487, "bob"), targetOfVia(invite));
  await heard.end;
  assert.equal(heard.finals[0]?.status, 487);
  assert.equal(heard.tryings, 1);
  await peer.next(/^ACK/);
});

describe("until its transaction is over", { concurrency: true }, () => {
  test("CANCEL is sent again until it is answered (9.1), and the INVITE times out when nothing more comes", async (t) => {
    const peer = await rawPeer(t);
    const client = await open(t);
    const heard = hear();
    const transaction = client.request(makeRequest("INVITE"), peer.target, heard);
    const invite = await peer.next(/^INVITE/);
    peer.send(rawResponse(invite, 180, "bob"), targetOfVia(invite));
    await until(() => heard.provisionals.length === 1);
    transaction.cancel();
    transaction.cancel();
    await peer.next(/^CANCEL/, 3);
    assert.deepEqual(await heard.end, { kind: "timeout", detail: "no final response after CANCEL" });
    await until(() => client.size.client === 0, { what: "the end of both transactions" });
  });

  test("200s of several forks are all told, copies too; 487s of a lost race not (RFC 6026 7.2, 13.2.2.4)", async (t) => {
    const peer = await rawPeer(t);
    const client = await open(t);
    const heard = hear();
    client.request(makeRequest("INVITE"), peer.target, heard);
    const invite = await peer.next(/^INVITE/);
    for (const tag of ["one", "two", "one", "three"]) peer.send(rawResponse(invite, 200, tag), targetOfVia(invite));
    peer.send(rawResponse(invite, 487, "four"), targetOfVia(invite));
    await until(() => heard.finals.length === 4);
    assert.deepEqual(
      heard.finals.map((one) => one.to.params.get("tag")),
      ["one", "two", "one", "three"],
    );
    await until(() => client.size.client === 0, { what: "timer M" });
    assert.equal(heard.finals.length, 4);
    assert.ok(!peer.heard.some((one) => one.startsWith("ACK")));
  });

  test("a handler that throws harms nobody else", async (t) => {
    const peer = await rawPeer(t);
    const client = await open(t);
    const throws = () => {
      throw new Error("a mistake in a handler");
    };
    client.request(makeRequest("INVITE"), peer.target, { final: throws, failed: throws, provisional: throws });
    const invite = await peer.next(/^INVITE/);
    peer.send(rawResponse(invite, 180, "bob"), targetOfVia(invite));
    peer.send(rawResponse(invite, 486, "bob"), targetOfVia(invite));
    await peer.next(/^ACK/);
    await until(() => client.size.client === 0);
  });
});

test("responses that belong to nothing are dropped: other branch, other method, two Vias (17.1.3, 8.1.3.3)", async (t) => {
  const peer = await rawPeer(t);
  const client = await open(t);
  const heard = hear();
  client.request(makeRequest("OPTIONS"), peer.target, heard);
  const request = await peer.next(/^OPTIONS/);
  const good = rawResponse(request, 200, "bob");
  peer.send(good.replace("z9hG4bK", "z9hG4bKx"), targetOfVia(request));
  peer.send(rawResponse(request, 200, "bob", { method: "INVITE" }), targetOfVia(request));
  peer.send(good.replace("\r\nFrom", "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother\r\nFrom"), targetOfVia(request));
  peer.send("SIP/2.0 200 OK\r\n\r\n", targetOfVia(request));
  peer.send(good.replace("200 X", "404 X"), targetOfVia(request));
  await heard.end;
  assert.deepEqual(
    heard.finals.map((one) => one.status),
    [404],
  );
});

test("what is abandoned tells nothing, and its transaction ends", async (t) => {
  const peer = await rawPeer(t);
  const client = await open(t);
  const heard = hear();
  const transaction = client.request(makeRequest("OPTIONS"), peer.target, heard);
  const request = await peer.next(/^OPTIONS/);
  transaction.abandon();
  assert.equal(client.size.client, 0);
  peer.send(rawResponse(request, 200, "bob"), targetOfVia(request));
  const other = hear();
  client.request(makeRequest("OPTIONS"), peer.target, other);
  peer.send(rawResponse(await peer.next(/^OPTIONS/, 2), 200, "bob"), targetOfVia(request));
  await other.end;
  assert.deepEqual([heard.finals.length, heard.failures.length], [0, 0]);
});

test("a request that cannot be written fails, and is told after the call has returned", async (t) => {
  const client = await open(t);
  const heard = hear();
  client.request(makeRequest("OPTIONS", { callId: "with a\r\nline break" }), { protocol: "udp", host: "127.0.0.1", port: 9 }, heard);
  assert.equal(heard.failures.length, 0);
  const end = await heard.end;
  assert.ok("kind" in end && end.kind === "unreachable");
  assert.match(end.detail, /cannot be written/);
});

/** Where the sender of a request hears its responses. */
function targetOfVia(message: string) {
  const [, host = "", port = ""] = /^SIP\/2.0\/UDP ([\d.]+):(\d+)/.exec(headerOf(message, "Via") ?? "") ?? [];
  return { protocol: "udp" as const, host, port: Number(port) };
}
