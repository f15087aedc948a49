import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../support/until.ts";
import { AUDIO, heard, openWorld } from "./dialog/world.ts";
import { address, LOOPBACK, sdp, tagOf } from "./peer.ts";

test("a call rings, is answered, and is ended by us (RFC 3261 13.2, 15.1)", async (t) => {
  const { agent, peer, call } = await openWorld(t);
  const placed = call();
  assert.equal(agent.size, 1);
  const invite = await peer.request("INVITE");
  assert.deepEqual(invite.headers.all("Supported"), ["100rel", "timer"]);
  assert.equal(invite.headers.get("Session-Expires"), "1800");
  assert.match(invite.body.toString(), /m=audio 30000 RTP\/AVP/);
  peer.respond(invite, 180);
  await until(() => placed.told.includes("ringing"));
  peer.respond(invite, 200, { body: sdp() });
  const ack = await peer.request("ACK");
  assert.equal(ack.cseq.sequence, invite.cseq.sequence);
  assert.equal(ack.uri.kind === "sip" && ack.uri.user, "peer");
  await until(() => placed.told.includes("answered"));
  assert.equal(placed.negotiated.at(-1)?.remote?.port, 40_000);
  assert.equal(placed.negotiated.at(-1)?.codec, "PCMA");
  placed.call.hangup();
  const bye = await peer.request("BYE");
  assert.equal(bye.cseq.sequence, invite.cseq.sequence + 1);
  assert.equal(bye.headers.get("Reason"), "Q.850;cause=16");
  assert.equal(agent.size, 1);
  peer.respond(bye, 200);
  const end = await placed.ended();
  assert.deepEqual(placed.told, ["ringing", "answered", "ended bye_sent"]);
  assert.deepEqual({ ...end, detail: "" }, { why: "bye_sent", detail: "", answered: true, status: 200, reason: "Said So", q850: null });
  assert.equal(agent.size, 0);
});

test("a call is ended by the other side, which says why (RFC 3261 15.1.2, RFC 3326)", async (t) => {
  const { agent, peer, call } = await openWorld(t);
  const placed = call();
  const invite = await peer.request("INVITE");
  const answer = peer.respond(invite, 200, { body: sdp() });
  await peer.request("ACK");
  const dialog = peer.taken(invite, tagOf(answer.to));
  const bye = dialog.ask("BYE", { headers: [["Reason", 'SIP;cause=200, Q.850;cause=16;text="Normal, \\"clearing\\""']] });
  assert.equal((await peer.response(bye)).status, 200);
  const end = await placed.ended();
  assert.equal(end.why, "bye_received");
  assert.equal(end.q850, 16);
  assert.equal(end.reason, 'Normal, "clearing"');
  assert.equal(agent.size, 0);
  // The call is gone: what comes now is not known (12.2.2).
  assert.equal((await peer.response(dialog.ask("BYE"))).status, 481);
});

test("a call comes in, is answered, and ended by either side (RFC 3261 13.3, 15)", async (t) => {
  const { agent, peer, port, invites } = await openWorld(t);
  for (const by of ["them", "us"]) {
    const invite = peer.ask(port, {
      method: "INVITE",
      uri: address(`<sip:+97239999999@${LOOPBACK}:${port}>`).uri,
      from: address(`"Caller" <sip:+972501234567@${LOOPBACK}>;tag=caller`),
      to: address(`<sip:+97239999999@${LOOPBACK}>`),
      body: sdp(),
    });
    const incoming = await until(() => invites.shift());
    assert.equal(incoming.claimedUsername, null);
    const log = heard();
    const call = incoming.accept({ media: log.media, audio: AUDIO }, log.handler);
    assert.deepEqual(log.told, []);
    const answer = await peer.response(invite);
    assert.equal(answer.status, 200);
    assert.match(answer.body.toString(), /m=audio 30000/);
    assert.notEqual(tagOf(answer.to), "");
    peer.ack(invite, answer, port);
    await until(() => log.told.includes("answered"));
    const dialog = peer.made(invite, answer);
    if (by === "them") {
      assert.equal((await peer.response(dialog.ask("BYE"))).status, 200);
    } else {
      // Only once the ACK has come: the OPTIONS behind it says that.
      await peer.response(dialog.ask("OPTIONS"));
      call.hangup();
      peer.respond(await peer.request("BYE"), 200);
    }
    assert.equal((await log.ended()).why, by === "them" ? "bye_received" : "bye_sent");
    assert.equal(agent.size, 0);
  }
});
