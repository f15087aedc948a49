import type { Config } from "../config.ts";
import { gatewayName, type Trunk } from "../core/trunks/trunk.ts";
import type { TrunkHealth, TrunkView } from "../core/trunks/trunk-view.ts";
import { age } from "./age.ts";
import { table } from "./table.ts";

export const gatewayNames = (trunk: Pick<Trunk, "gateways">): string => trunk.gateways.map(gatewayName).join(", ");

/** Such as `3 of 20`. */
export const channelWords = ({ channels_in_use, max_channels }: Pick<TrunkView, "channels_in_use" | "max_channels">): string =>
  max_channels === null ? `${channels_in_use}, no limit` : `${channels_in_use} of ${max_channels}`;

/**
 * How a trunk is, all in all: a gateway works for a node when it is reached, and registered at where it should be. One call that failed
 * says little of the next.
 */
export function healthWords(health: readonly TrunkHealth[]): string {
  const works = new Map<string, boolean>();
  for (const { gateway, node, check, state } of health) {
    if (check === "calls") continue;
    const key = `${node.id} ${gateway}`;
    works.set(key, (works.get(key) ?? true) && state === "up");
  }
  const all = [...works.values()];
  if (all.length === 0) return "not checked";
  if (all.every(Boolean)) return "up";
  return all.some(Boolean) ? "partly down" : "down";
}

const CHECKS: Record<TrunkHealth["check"], string> = { options: "reachable", registration: "registered", calls: "calls" };

export function healthTable(health: readonly TrunkHealth[], now: Date): string {
  const rows = health.map(({ gateway, check, state, detail, changed_at, checked_at, node }) => [
    gateway,
    CHECKS[check],
    state === "up" ? "yes" : "NO",
    age(changed_at, now),
    `${age(checked_at, now)} ago`,
    `${node.host}/${node.pid}`,
    detail,
  ]);
  return table(["GATEWAY", "CHECK", "STATE", "SINCE", "CHECKED", "BY NODE", "FOUND"], rows);
}

const NO_TLS_LISTENER =
  "Nobody can connect to this machine over TLS: calls in, and requests within a call, come only on the connection that we open. " +
  "If the provider opens its own, add tls:0.0.0.0:5061 to SIP_LISTEN, with SIP_TLS_CERT and SIP_TLS_KEY.";

type Noted = Pick<Trunk, "gateways" | "srtp" | "inbound_networks" | "username">;

/** What whoever set the trunk up should know about it, on a machine that listens as said. */
export function trunkNotes(trunk: Noted, { SIP_LISTEN }: Pick<Config, "SIP_LISTEN">): string[] {
  const open = trunk.inbound_networks.length === 0 && trunk.username === null;
  const bare = trunk.srtp !== "off" && trunk.gateways.some(({ protocol }) => protocol !== "tls");
  const mute = trunk.gateways.some(({ protocol }) => protocol === "tls") && !SIP_LISTEN.some(({ protocol }) => protocol === "tls");
  return [
    ...(open ? ["Calls from this trunk are not taken: it has neither --allow-inbound networks nor a --username."] : []),
    ...(bare ? ["The keys of encrypted audio can be read on the way to a gateway without TLS."] : []),
    ...(mute ? [NO_TLS_LISTENER] : []),
  ];
}
