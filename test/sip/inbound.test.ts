import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addPhoneNumber } from "../../src/core/phone-numbers/addPhoneNumber.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { answered, callerHangsUp, inDialog, invite, refused } from "./support/caller.ts";
import { type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { pause, recv, recvStatus, replyInDialog, sdp, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";

/** Calls that come in, from callers that sipp plays. */
const skip = missing("sipp", "espeak-ng");

/** Trunks whose calls may come from here. */
const open = await startLine();
/** Trunks whose callers have to know a password, or are elsewhere. */
const guarded = await startLine();

/** Calls a number and waits until all went as the scenario says. */
async function callIn(port: number, service: string, scenario: string, more: Partial<Parameters<typeof startSipp>[0]> = {}): Promise<void> {
  const caller = await startSipp({ scenario, remote: `127.0.0.1:${port}`, service, ...more });
  await caller.succeeded();
}

const onlyCall = (subscriber: Subscriber) =>
  until(
    async () => {
      const [call, second] = await subscriber.calls();
      assert.equal(second, undefined);
      return call?.status === "ended" && call;
    },
    { what: "the end of the call", withinMs: 20_000 },
  );

async function openSubscriber(options: Partial<Parameters<typeof open.subscriber>[0]> = {}): Promise<Subscriber> {
  return open.subscriber({
    ...options,
    trunk: { gateways: [`udp:127.0.0.1:${await freePort()}`], inboundNetworks: ["127.0.0.0/8"], ...options.trunk },
  });
}

describe("calls from a network that may call", { skip, concurrency: true }, () => {
  for (const transport of ["udp", "tcp"] as const) {
    test(`the number's agent answers over ${transport}, and an unknown caller becomes a lead with source auto (yappr 7.8)`, async () => {
      const subscriber = await openSubscriber();
      await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), pause(1_000), callerHangsUp()), { transport });
      const call = await onlyCall(subscriber);
      assert.equal(call.direction, "inbound");
      assert.equal(call.outcome, "completed");
      assert.equal(call.ended_by, "caller");
      assert.equal(call.from_number, "+14155550123");
      assert.equal(call.to_number, subscriber.number);
      assert.equal(call.agent_id, subscriber.agentId);
      const { token } = await subscriber.key("yappr");
      const response = await fetch(`${open.world.app.url}/leads?phone_number=%2B14155550123`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const { data } = (await response.json()) as { data: Array<{ id: string; source: string; name: string }> };
      assert.deepEqual(
        data.map(({ id, source, name }) => ({ id, source, name })),
        [{ id: call.lead_id, source: "auto", name: "Dana Cohen" }],
      );
    });
  }

  test("twenty calls from one new number at once make one lead", async () => {
    const subscriber = await openSubscriber();
    await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), pause(500), callerHangsUp()), { calls: 20, rate: 100 });
    const calls = await until(async () => {
      const all = await subscriber.calls();
      return all.length === 20 && all.every(({ status }) => status === "ended") && all;
    });
    assert.equal(new Set(calls.map(({ lead_id }) => lead_id)).size, 1);
  });

  test("a number that nobody has: 404, and nothing is written", async () => {
    const subscriber = await openSubscriber();
    await callIn(open.sipPort, "+972559999999", steps(invite(), refused(404)));
    assert.deepEqual(await subscriber.calls(), []);
  });

  test("a number without an agent: 404", async () => {
    const subscriber = await openSubscriber();
    await addPhoneNumber(subscriber.ctx, { phone: "+972548887777", trunkId: subscriber.trunk.id });
    await callIn(open.sipPort, "+972548887777", steps(invite(), refused(404)));
  });

  test("no channel free: 486, and the call that holds it goes on", async () => {
    const subscriber = await openSubscriber({ trunk: { maxChannels: 1, gateways: [`udp:127.0.0.1:${await freePort()}`] } });
    const first = callIn(open.sipPort, subscriber.number, steps(invite(), answered(), pause(2_500), callerHangsUp()));
    await until(async () => (await subscriber.calls())[0]?.status === "in_progress");
    await callIn(open.sipPort, subscriber.number, steps(invite(), refused(486)));
    await first;
    assert.equal((await onlyCall(subscriber)).outcome, "completed");
    await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), callerHangsUp()));
  });

  test("a caller who hides the number is answered, and becomes nobody's lead (RFC 3323)", async () => {
    const subscriber = await openSubscriber();
    const caller = { number: "anonymous", displayName: "Anonymous", headers: ["Privacy: id"] };
    await callIn(open.sipPort, subscriber.number, steps(invite(caller), answered(), pause(300), callerHangsUp()));
    const call = await onlyCall(subscriber);
    assert.equal(call.lead_id, null);
    assert.equal(call.outcome, "completed");
  });

  test("no codec in common: 488", async () => {
    const subscriber = await openSubscriber();
    await callIn(open.sipPort, subscriber.number, steps(invite({ body: sdp({ codec: "G729" }) }), refused(488)));
  });

  test("an extension that we do not have: 420 with its name (RFC 3261 8.2.2.3)", async () => {
    const subscriber = await openSubscriber();
    const bad = `<recv response="420"><action><ereg regexp="teleport" search_in="hdr" header="Unsupported:" check_it="true" assign_to="name"/></action></recv><Reference variables="name"/>`;
    await callIn(
      open.sipPort,
      subscriber.number,
      steps(invite({ headers: ["Require: teleport"] }), bad, inDialog("ACK", 1, { branch: "[branch-2]" })),
    );
  });

  test("the agent hangs up: BYE to the caller", async () => {
    const subscriber = await openSubscriber({ agent: { max_call_duration_secs: 1 } });
    await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), recv("BYE"), replyInDialog("200 OK")));
    assert.equal((await onlyCall(subscriber)).disconnect_reason, "Max duration reached");
  });

  test("no ACK for our 200: it is sent again until the call is given up (RFC 3261 13.3.1.4)", async () => {
    const subscriber = await openSubscriber();
    const again = Array.from({ length: 3 }, () => '<recv response="200"/>').join("");
    const scenario = steps(invite(), again, '<recv request="BYE" timeout="40000" optional="false"/>', replyInDialog("200 OK"));
    const lenient = scenario.replace('<recv request="BYE"', '<recv response="200" optional="true"/><recv request="BYE"');
    await callIn(open.sipPort, subscriber.number, lenient, { timeoutSeconds: 60 });
    const call = await onlyCall(subscriber);
    assert.equal(call.outcome, "failed");
  });
});

describe("calls from anywhere else", { skip, concurrency: true }, () => {
  const authenticated = (password: string): string =>
    steps(
      invite(),
      '<recv response="401" auth="true"/>',
      inDialog("ACK", 1, { branch: "[branch-3]" }),
      invite({ headers: [`[authentication username=gateway password=${password}]`] }, "", 2),
    );

  test("good credentials are let in; bad ones are not", async () => {
    const subscriber = await guarded.subscriber({
      trunk: { gateways: [`udp:127.0.0.2:${await freePort()}`], username: "gateway", password: "s3cret" },
    });
    const ack = (sequence: number) => inDialog("ACK", sequence);
    const good = steps(
      authenticated("s3cret"),
      '<recv response="200" rrs="true"/>',
      ack(2),
      pause(300),
      inDialog("BYE", 3),
      recvStatus(200),
    );
    await callIn(guarded.sipPort, subscriber.number, good);
    assert.equal((await onlyCall(subscriber)).outcome, "completed");
    const bad = steps(authenticated("guess"), '<recv response="401" optional="true" next="1"/>', recvStatus(403), '<label id="1"/>');
    await callIn(guarded.sipPort, subscriber.number, bad);
    assert.equal((await subscriber.calls()).length, 1);
  });

  test("a foreign network without credentials gets no call", async () => {
    const subscriber = await guarded.subscriber({
      trunk: { gateways: [`udp:127.0.0.2:${await freePort()}`], inboundNetworks: ["192.0.2.0/24"] },
    });
    await callIn(
      guarded.sipPort,
      subscriber.number,
      steps(invite(), '<recv response="401" optional="true" next="1"/>', recvStatus(403), '<label id="1"/>'),
    );
    assert.deepEqual(await subscriber.calls(), []);
  });
});
