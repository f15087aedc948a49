import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { until } from "../../support/until.ts";
import { AUDIO, heard, openWorld, type World } from "./dialog/world.ts";
import { address, LOOPBACK, sdp } from "./peer.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Nothing but what these give back outlives their own frames. */
async function incoming({ peer, port, invites }: World, who: "we" | "they", renegotiated: boolean): Promise<WeakRef<object>> {
  const sent = peer.ask(port, {
    method: "INVITE",
    uri: address(`<sip:+97239999999@${LOOPBACK}:${port}>`).uri,
    from: address(`<sip:+972501234567@${LOOPBACK}>;tag=caller`),
    to: address(`<sip:+97239999999@${LOOPBACK}>`),
    body: sdp(),
  });
  const log = heard();
  const call = (await until(() => invites.shift())).accept({ media: log.media, audio: AUDIO }, log.handler);
  const answer = await peer.response(sent, 200);
  peer.ack(sent, answer, port);
  const dialog = peer.made(sent, answer);
  if (renegotiated) {
    const again = dialog.ask("INVITE", { body: sdp() });
    peer.ack(again, await peer.response(again, 200), port);
  }
  if (who === "they") await peer.response(dialog.ask("BYE"));
  else {
    call.hangup();
    peer.respond(await peer.request("BYE"), 200);
  }
  await log.ended();
  return new WeakRef(log.media);
}

async function outgoing(world: World): Promise<WeakRef<object>> {
  const { peer } = world;
  const { call, media, ended, told } = world.call();
  const tag = "callee";
  peer.respond(await peer.request("INVITE"), 200, { tag, body: sdp() });
  await until(() => told.includes("answered"));
  call.hangup();
  peer.respond(await peer.request("BYE"), 200);
  await ended();
  return new WeakRef(media);
}

const calls: ReadonlyArray<readonly [what: string, run: (world: World) => Promise<WeakRef<object>>]> = [
  ["that came in, ended by them", (world) => incoming(world, "they", false)],
  ["that came in, ended by us", (world) => incoming(world, "we", false)],
  ["that came in and was negotiated again", (world) => incoming(world, "they", true)],
  ["that we placed and ended", outgoing],
];
for (const [what, run] of calls) {
  test(`a call ${what} keeps nothing of its audio, though its transactions last half a minute yet (RFC 3261 17.1.2.2, RFC 6026 7.1)`, async (t) => {
    const world = await openWorld(t);
    const media = await run(world);
    assert.ok(world.agent.endpoint.size.server + world.agent.endpoint.size.client > 0, "a transaction is still there");
    await until(
      () => {
        collect();
        return media.deref() === undefined;
      },
      { what: "the end of the media session", withinMs: 3_000 },
    );
  });
}
