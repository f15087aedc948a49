import type { Protocol } from "../endpoint.ts";
import type { NameAddr, Uri } from "../message/message.ts";
import { nameAddr } from "../message/nameAddr.ts";
import { sipUri } from "../message/uri.ts";

/** Our Contact, with the user part of who we are to the other side. */
export function contactAt(here: { protocol: Protocol; host: string; port: number }, identity: Uri): NameAddr {
  const user = identity.kind === "sip" ? identity.user : null;
  const params = here.protocol === "udp" ? [] : ([["transport", here.protocol]] as const);
  return nameAddr(sipUri({ user, host: here.host, port: here.port, params }));
}
