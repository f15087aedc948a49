import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import type { Gateway } from "../../../core/trunks/trunk.ts";
import { countryOf } from "../../../platform/phone.ts";
import type { NameAddr, SipUri } from "../message/message.ts";
import { nameAddr } from "../message/nameAddr.ts";
import { sipUri } from "../message/uri.ts";
import { formatNumber } from "./formatNumber.ts";

const DEFAULT_PORT: Record<Gateway["protocol"], number> = { udp: 5060, tcp: 5060, tls: 5061 };

type Addressed = Pick<OpenTrunk, "domain" | "caller_id">;

/** Of us and of whom we call, in the trunk's domain, without port and transport. */
export const trunkAddress = (trunk: Pick<OpenTrunk, "domain">, gateway: Gateway, user: string | null): NameAddr =>
  nameAddr(sipUri({ user, host: trunk.domain ?? gateway.host }));

/**
 * A Request-URI at the gateway; without a domain it is the gateway itself, its port included. TLS is asked for as a transport and
 * not with sips:, which binds every hop (RFC 5630 3.1.3) and which gateways refuse.
 */
export function gatewayUri(trunk: Pick<OpenTrunk, "domain">, gateway: Gateway, user: string | null, ofPhone = false): SipUri {
  const { protocol, host, port } = gateway;
  return sipUri({
    user,
    host: trunk.domain ?? host,
    port: trunk.domain === null && port !== DEFAULT_PORT[protocol] ? port : null,
    params: [...(protocol === "udp" ? [] : [["transport", protocol] as const]), ...(ofPhone ? [["user", "phone"] as const] : [])],
  });
}

export const hostsOf = ({ gateways, domain }: Pick<OpenTrunk, "gateways" | "domain">): string[] => [
  ...gateways.map(({ host }) => host),
  ...(domain === null ? [] : [domain]),
];

/** Who calls whom, as this trunk wants it written. `user=phone` goes with global numbers only (RFC 3261 19.1.1). */
export function callAddresses(trunk: Addressed, gateway: Gateway, call: { from: string; to: string }) {
  const home = countryOf(call.from);
  const from = formatNumber(call.from, trunk.caller_id, home);
  const to = formatNumber(call.to, trunk.caller_id, home);
  const own = trunkAddress(trunk, gateway, from);
  return {
    uri: gatewayUri(trunk, gateway, to, to.startsWith("+")),
    from: own,
    to: trunkAddress(trunk, gateway, to),
    /** RFC 3325: what gateways show, whatever From says. */
    assertedIdentity: own,
  };
}
