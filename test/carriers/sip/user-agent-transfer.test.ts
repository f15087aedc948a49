import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { until } from "../../support/until.ts";
import { openWorld } from "./dialog/world.ts";
import { address, sdp, tagOf } from "./peer.ts";

const TO = address("<sip:+97230000000@example.com>").uri;

/** An answered call of ours on which a REFER has come. */
async function referred(t: TestContext) {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  const answered = peer.respond(invite, 200, { body: sdp() });
  await until(() => placed.told.includes("answered"));
  const result = placed.call.refer(TO);
  const refer = await peer.request("REFER");
  const dialog = peer.taken(invite, tagOf(answered.to));
  const notify = async (body: string, state = "active;expires=60", event = "refer") =>
    (
      await peer.response(
        dialog.ask("NOTIFY", {
          headers: [
            ["Event", event],
            ["Subscription-State", state],
            ["Content-Type", "message/sipfrag;version=2.0"],
          ],
          body,
        }),
      )
    ).status;
  const end = async () => {
    placed.call.hangup();
    peer.respond(await peer.request("BYE"), 200);
    return placed.ended();
  };
  return { ...world, placed, result, refer, dialog, notify, end };
}

test("a transfer that is taken: 202, 100 Trying, 200 OK; then we leave (RFC 3515 2.4)", async (t) => {
  const { peer, placed, result, refer, notify, agent } = await referred(t);
  assert.equal(refer.headers.get("Refer-To"), "<sip:+97230000000@example.com>");
  assert.match(refer.headers.get("Referred-By") ?? "", /\+97231234567/);
  peer.respond(refer, 202);
  assert.equal(await notify("SIP/2.0 100 Trying\r\n"), 200);
  assert.equal(await notify("SIP/2.0 180 Ringing\r\n"), 200);
  assert.deepEqual(placed.told, ["answered"]);
  assert.equal(await notify("SIP/2.0 200 OK\r\n", "terminated;reason=noresource"), 200);
  assert.deepEqual(await result, { accepted: true, detail: "200 OK" });
  peer.respond(await peer.request("BYE"), 200);
  assert.equal((await placed.ended()).why, "transferred");
  assert.equal(agent.size, 0);
});

test("a transfer whose target is busy: the call goes on, and another can be tried (RFC 3515 2.4.5)", async (t) => {
  const { peer, placed, result, refer, notify, end } = await referred(t);
  assert.deepEqual(await placed.call.refer(TO), { accepted: false, detail: "a transfer is under way" });
  peer.respond(refer, 202);
  await notify("SIP/2.0 486 Busy Here", "terminated;reason=noresource", `refer;id=${refer.cseq.sequence}`);
  assert.deepEqual(await result, { accepted: false, detail: "486 Busy Here" });
  assert.deepEqual(placed.told, ["answered"]);
  const again = placed.call.refer(TO);
  const second = await peer.request("REFER");
  peer.respond(second, 202);
  // What is still said of the first is not about the second (RFC 3515 2.4.6).
  assert.equal(await notify("SIP/2.0 200 OK", "active", `refer;id=${refer.cseq.sequence}`), 200);
  await notify("SIP/2.0 603 Decline", "terminated", `refer;id=${second.cseq.sequence}`);
  assert.deepEqual(await again, { accepted: false, detail: "603 Decline" });
  assert.equal((await end()).why, "bye_sent");
});

test("a transfer that is refused (RFC 3515 2.4.2)", async (t) => {
  const { peer, result, refer, end } = await referred(t);
  peer.respond(refer, 403, { reason: "Forbidden" });
  assert.deepEqual(await result, { accepted: false, detail: "403 Forbidden" });
  await end();
});

test("a NOTIFY may come before the 202 (RFC 3515 2.4.4)", async (t) => {
  const { peer, placed, result, refer, notify } = await referred(t);
  assert.equal(await notify("SIP/2.0 200 OK"), 200);
  assert.equal((await result).accepted, true);
  peer.respond(refer, 202);
  peer.respond(await peer.request("BYE"), 200);
  assert.equal((await placed.ended()).why, "transferred");
});

test("Refer-Sub: false: the 2xx is all that is said (RFC 4488 4)", async (t) => {
  const { peer, placed, result, refer } = await referred(t);
  peer.respond(refer, 202, { headers: [["Refer-Sub", "false"]] });
  assert.equal((await result).accepted, true);
  peer.respond(await peer.request("BYE"), 200);
  assert.equal((await placed.ended()).why, "transferred");
});

test("the other side hangs up on a transfer that it took: accepted", async (t) => {
  const { peer, placed, result, refer, dialog, notify } = await referred(t);
  peer.respond(refer, 202);
  await notify("SIP/2.0 100 Trying");
  assert.equal((await peer.response(dialog.ask("BYE"))).status, 200);
  assert.deepEqual(await result, { accepted: true, detail: "the other side hung up for it" });
  assert.equal((await placed.ended()).why, "transferred");
});

test("the other side hangs up before it said anything of the transfer: not accepted", async (t) => {
  const { peer, placed, result, dialog } = await referred(t);
  await peer.response(dialog.ask("BYE"));
  assert.deepEqual(await result, { accepted: false, detail: "the call ended" });
  assert.equal((await placed.ended()).why, "bye_received");
});

test("nothing is heard after the 202: not accepted, and the call goes on", async (t) => {
  const { peer, placed, result, refer, dialog, advance, end } = await referred(t);
  peer.respond(refer, 202);
  await peer.response(dialog.ask("OPTIONS"));
  advance(30_000);
  assert.deepEqual(await result, { accepted: false, detail: "nothing was heard of the transfer any more" });
  assert.deepEqual(placed.told, ["answered"]);
  await end();
});

test("the subscription ends without a result: not accepted (RFC 3515 2.4.7)", async (t) => {
  const { peer, result, refer, notify, end } = await referred(t);
  peer.respond(refer, 202);
  await notify("SIP/2.0 100 Trying", "terminated;reason=giveup");
  assert.deepEqual(await result, { accepted: false, detail: "the other side stopped the transfer" });
  await end();
});

test("hanging up during a transfer: not accepted", async (t) => {
  const { peer, result, refer, end } = await referred(t);
  peer.respond(refer, 202);
  assert.equal((await end()).why, "bye_sent");
  assert.deepEqual(await result, { accepted: false, detail: "the call ended" });
});

test("a call that is not answered, or over, cannot be transferred", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  assert.deepEqual(await placed.call.refer(TO), { accepted: false, detail: "the call is not answered" });
  peer.respond(await peer.request("INVITE"), 486);
  await placed.ended();
  assert.equal((await placed.call.refer(TO)).accepted, false);
});
