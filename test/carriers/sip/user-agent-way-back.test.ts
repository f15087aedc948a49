import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createUserAgent } from "../../../src/carriers/sip/createUserAgent.ts";
import type { EndpointHandler, Protocol, Target } from "../../../src/carriers/sip/endpoint.ts";
import type { SipRequest } from "../../../src/carriers/sip/message/message.ts";
import { type EndpointOptions, openEndpoint } from "../../../src/carriers/sip/openEndpoint.ts";
import type { IncomingInvite } from "../../../src/carriers/sip/user-agent.ts";
import { until } from "../../support/until.ts";
import { AUDIO, heard } from "./dialog/world.ts";
import { address, LOOPBACK, sdp } from "./peer.ts";
import { withAuthority } from "./transport/support/certificates.ts";
import { log, open, targetOf } from "./transport/support/endpoints.ts";

/** Requests within a call, where Contact and Record-Route alone do not lead back. */

const NAME = "sip.example.com";
const pems = withAuthority((authority) => ({ ca: authority.ca, ...authority.issue(`DNS:${NAME}`) }));
const resolver = { resolve: (host: string) => (host === NAME ? [LOOPBACK] : [host]) };

async function openAgent(t: TestContext, options: Partial<EndpointOptions>, incoming: (invite: IncomingInvite) => void = () => {}) {
  const agent = await createUserAgent({
    open: (handler: EndpointHandler) => openEndpoint({ listen: [], log, resolver, ...options }, handler),
    incoming,
    log,
  });
  t.after(() => agent.endpoint.close());
  const call = (target: Target) => {
    const told = heard();
    const parties = { uri: address(`<sip:1@${NAME}>`).uri, from: address(`<sip:2@${NAME}>`), to: address(`<sip:1@${NAME}>`) };
    const limits = { ringTimeoutMs: 20_000, firstResponseTimeoutMs: 5_000 };
    return { ...told, call: agent.invite({ target, ...parties, media: told.media, audio: AUDIO, ...limits }, told.handler) };
  };
  return { agent, call };
}

test("a gateway that is called by its name over TLS, and is an address in its Record-Route: the same connection (RFC 5923)", async (t) => {
  const requests: SipRequest[] = [];
  const acks: SipRequest[] = [];
  let port = 0;
  const gateway = await open(
    t,
    {
      request: (transaction) => {
        requests.push(transaction.request);
        const route = ["Record-Route", `<sip:${LOOPBACK}:${port};transport=tls;lr>`] as const;
        const contact = ["Contact", "<sip:switch@192.0.2.77:5060>"] as const;
        transaction.respond({ status: 200, headers: [route, contact], body: { type: "application/sdp", content: sdp() } });
      },
      ack: (ack) => acks.push(ack),
    },
    { listen: [{ protocol: "tls", address: LOOPBACK, port: 0 }], tls: pems },
  );
  port = targetOf(gateway, "tls").port;
  const { call } = await openAgent(t, { tls: { ca: pems.ca } });
  const placed = call({ protocol: "tls", host: NAME, port });
  await until(() => acks.length > 0, { what: "the ACK" });
  assert.equal(gateway.size.connections, 1);
  placed.call.hangup();
  await placed.ended();
  assert.deepEqual(
    requests.map((request) => request.method),
    ["INVITE", "BYE"],
  );
});

for (const protocol of ["tcp", "tls"] satisfies Protocol[]) {
  test(`a caller that connects over ${protocol} and cannot be connected to: requests go on its own connection (RFC 5923)`, async (t) => {
    const invites: IncomingInvite[] = [];
    const listen = [{ protocol, address: LOOPBACK, port: 0 }];
    const callee = await openAgent(t, { listen, tls: pems }, (invite) => invites.push(invite));
    // It listens nowhere, and says in Contact a port at which nobody is.
    const caller = await openAgent(t, { tls: { ca: pems.ca } });
    const port = callee.agent.endpoint.listening[0]?.port ?? 0;
    const placed = caller.call({ protocol, host: protocol === "tls" ? NAME : LOOPBACK, port });
    const invite = await until(() => invites[0]);
    const told = heard();
    const taken = invite.accept({ media: told.media, audio: { ...AUDIO, port: 31_000 } }, told.handler);
    await until(() => placed.told.includes("answered"));
    taken.hangup();
    assert.equal((await told.ended()).why, "bye_sent");
    assert.equal((await placed.ended()).why, "bye_received");
  });
}
