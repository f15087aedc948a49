import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ServerTransaction } from "../../../src/carriers/sip/endpoint.ts";
import type { SipRequest } from "../../../src/carriers/sip/message/message.ts";
import { until } from "../../support/until.ts";
import { hear, OBLIGING, open, targetOf } from "./transport/support/endpoints.ts";
import { makeRequest } from "./transport/support/messages.ts";

test("a request is answered over UDP, with rport and received (RFC 3581 4)", async (t) => {
  const seen: SipRequest[] = [];
  const server = await open(t, {
    request: (transaction) => {
      seen.push(transaction.request);
      transaction.respond({ status: 200, headers: [["Contact", "<sip:bob@127.0.0.1>"]], body: { type: "text/plain", content: "hej" } });
    },
  });
  const client = await open(t);
  const heard = hear();
  const transaction = client.request(makeRequest("OPTIONS"), targetOf(server), heard);
  await heard.end;
  const [response] = heard.finals;
  assert.equal(response?.status, 200);
  assert.equal(response.body.toString(), "hej");
  assert.ok(response.to.params.get("tag"));
  assert.equal(response.via[0]?.params.get("rport"), String(targetOf(client).port));
  assert.equal(response.via[0]?.params.get("received"), "127.0.0.1");
  assert.equal(seen[0]?.via[0]?.params.get("branch"), transaction.request.via[0]?.params.get("branch"));
  assert.equal(transaction.request.via[0]?.port, targetOf(client).port);
});

describe("until its transaction is over", { concurrency: true }, () => {
  test("an INVITE rings, is answered, and its 2xx is sent again until the ACK is there (RFC 3261 13.3.1.4)", async (t) => {
    const invites: ServerTransaction[] = [];
    const acks: SipRequest[] = [];
    const server = await open(t, {
      request: (transaction) => {
        invites.push(transaction);
        transaction.respond({ status: 180, tag: "bob" });
        transaction.respond({ status: 200, tag: "bob" });
      },
      ack: (ack) => {
        acks.push(ack);
        invites[0]?.acknowledged();
      },
    });
    const client = await open(t);
    const heard = hear();
    const invite = makeRequest("INVITE");
    client.request(invite, targetOf(server), heard);
    await until(() => heard.finals.length >= 3, { what: "the 2xx that comes again" });
    assert.deepEqual(
      heard.provisionals.map((one) => one.status),
      [180],
    );
    const [answer] = heard.finals;
    assert.ok(answer);
    client.sendAck(makeRequest("ACK", { from: invite.from, to: answer.to, callId: invite.callId }), targetOf(server));
    await until(() => acks.length > 0, { what: "the ACK" });
    assert.equal(acks[0]?.to.params.get("tag"), "bob");
    await until(() => client.size.client === 0 && server.size.server === 0, { what: "the end of both transactions" });
  });

  test("nobody there: unreachable or timed out, never an exception", async (t) => {
    const client = await open(t);
    const silent = hear();
    client.request(makeRequest("OPTIONS"), { protocol: "udp", host: "127.0.0.1", port: 9 }, silent);
    assert.deepEqual(await silent.end, { kind: "timeout", detail: "no response" });
    const refused = hear();
    client.request(makeRequest("OPTIONS"), { protocol: "tcp", host: "127.0.0.1", port: 9 }, refused);
    assert.deepEqual(await refused.end, { kind: "unreachable", detail: "connection refused" });
    assert.equal(client.size.client, 0);
  });
});

test("a request over TCP is answered on its connection (RFC 3261 18.2.2)", async (t) => {
  const server = await open(t, OBLIGING, { listen: [{ protocol: "tcp", address: "127.0.0.1", port: 0 }] });
  const client = await open(t, {}, { listen: [] });
  for (let i = 0; i < 3; i++) {
    const heard = hear();
    client.request(makeRequest("OPTIONS"), targetOf(server, "tcp"), heard);
    await heard.end;
    assert.equal(heard.finals[0]?.status, 200);
  }
  assert.equal(server.size.connections, 1);
  assert.equal(client.size.client, 0);
  assert.equal(server.size.server, 0);
});
