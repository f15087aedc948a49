import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import type { Log } from "../../../platform/log.ts";
import { ownerOf } from "../transport/address.ts";
import { createRateLimit } from "../transport/createRateLimit.ts";
import type { IncomingInvite } from "../user-agent.ts";
import { userOf } from "./callerOf.ts";
import type { GatewayBoard } from "./gateway-board.ts";
import { isMadeFor } from "./isMadeFor.ts";
import { isInNetworks } from "./networks.ts";
import { createTally } from "./tally.ts";
import type { TrunkBook } from "./trunk-book.ts";

export const REALM = "leadline";
/** Wrong credentials with which one call may come. */
const MOST_TRIES = 3;
/** Wrong credentials that an address (IPv6: its /64) may show in a minute, over all its calls. */
const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
const MOST_KEYS = 10_000;
/** Over all addresses, which over UDP anybody can make up. */
const LINES = { perSecond: 0.1, burst: 20, keys: 1 };

/**
 * Decides over whom an INVITE comes: returns the trunks it can belong to, or undefined when it has been answered here. From a
 * trunk's inbound networks, or a gateway that it is registered at, it needs no credentials. Others are asked for those of a
 * trunk; who has none, or tries too often, gets a 403 that says nothing.
 */
export function createAdmission(parts: {
  book: Pick<TrunkBook, "all">;
  board: Pick<GatewayBoard, "addresses">;
  log: Log;
  now?: () => number;
}) {
  const { book, board, log, now } = parts;
  const tally = () => createTally({ windowMs: WINDOW_MS, mostKeys: MOST_KEYS, ...(now ? { now } : {}) });
  const failures = tally();
  const tries = tally();
  const refusals = tally();
  const lines = createRateLimit(LINES);

  const isTrusted = (trunk: OpenTrunk, address: string): boolean =>
    isInNetworks(trunk, address) ||
    (trunk.register && trunk.gateways.some((gateway) => board.addresses(trunk.id, gateway).includes(address)));

  return (invite: IncomingInvite): OpenTrunk[] | undefined => {
    const { request, source, claimedUri } = invite;
    const { address } = source;
    const trunks = book.all();
    const trusted = trunks.filter((trunk) => isTrusted(trunk, address));
    if (trusted.length > 0) return trusted;
    const refuse = (why: string, more: object = {}) => {
      // Scanners call all day long.
      const isNews = refusals.add(ownerOf(address)) === 1 && lines.allows("");
      log[isNews ? "info" : "debug"]({ source: address, why, ...more }, "a call from a stranger is refused");
      invite.turnAway(403);
    };
    const open = trunks.flatMap((trunk) => {
      const { username, password } = trunk;
      return username !== null && typeof password === "string" ? [{ trunk, credentials: { username, password } }] : [];
    });
    if (open.length === 0) return void refuse("no trunk allows this address, and none takes credentials");
    if (failures.count(ownerOf(address)) >= MOST_FAILURES) return void refuse("too many wrong credentials from this address");
    const claimed = invite.claimedUsername;
    if (claimed === null) return void invite.challenge(REALM);
    // Not looked at any further, so it tells nobody whether a guess is right, and counts as none.
    if (!isMadeFor(claimedUri, request.uri)) {
      const users = { made: claimedUri && userOf(claimedUri), called: userOf(request.uri) };
      return void refuse("credentials that were made for another number", users);
    }
    const named = open.filter(({ credentials }) => credentials.username === claimed);
    // An answer to a challenge is good once, and trunks at one provider may share its credentials.
    const known = named.find(({ credentials }) => invite.verify(credentials))?.credentials.password;
    if (known !== undefined) return named.filter(({ credentials }) => credentials.password === known).map(({ trunk }) => trunk);
    failures.add(ownerOf(address));
    if (tries.add(`${address} ${request.callId}`) >= MOST_TRIES) return void refuse("wrong credentials");
    log[lines.allows("") ? "info" : "debug"]({ source: address, username: claimed }, "wrong credentials with an incoming call");
    invite.challenge(REALM);
  };
}
