import type { LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { buildConnector } from "undici";
import { OutboundError } from "./errors.ts";
import { isPublicAddress } from "./public-address.ts";

/** All addresses of a host name; rejects when it has none. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/**
 * Opens sockets to permitted addresses only. The name is resolved once per connection and the very addresses that were
 * checked are handed to the socket, so a name cannot point elsewhere between check and connect.
 */
export function guardedConnect(options: { allowPrivate: boolean; timeoutMs: number; resolve: Resolve }): ReturnType<typeof buildConnector> {
  const { allowPrivate, timeoutMs, resolve } = options;

  const addressesOf = async (hostname: string): Promise<readonly LookupAddress[]> => {
    const addresses = await resolve(hostname).catch((error: unknown) => {
      throw new OutboundError("unresolved", `The host ${hostname} cannot be resolved.`, error);
    });
    if (addresses.length === 0) throw new OutboundError("unresolved", `The host ${hostname} has no address.`);
    // One private answer among public ones is as bad: which of them is tried is not ours to say.
    if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) throw forbidden(hostname);
    return addresses;
  };

  const lookup: LookupFunction = (hostname, { all }, callback) => {
    addressesOf(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (all || !first) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, []),
    );
  };

  const connect = buildConnector({ timeout: timeoutMs, lookup, autoSelectFamily: true, allowH2: false });
  return (target, callback) => {
    // A literal address never comes to `lookup`.
    if (!allowPrivate && isIP(target.hostname) !== 0 && !isPublicAddress(target.hostname)) callback(forbidden(target.hostname), null);
    else connect(target, callback);
  };
}

const forbidden = (hostname: string) => new OutboundError("forbidden_address", `The host ${hostname} is not at a public address.`);
