import type { Source } from "../endpoint.ts";
import type { Via } from "../message/message.ts";
import { withParam } from "../message/params.ts";
import { withoutBrackets } from "../transport/address.ts";
import type { Path } from "../transport/path.ts";

/** Says in the topmost Via of a request where it came from (RFC 3261 18.2.1, RFC 3581 4). What it said of that itself is dropped. */
export function fixVia(via: Via, source: Source): Via {
  const symmetric = via.params.has("rport");
  const differs = withoutBrackets(via.host) !== source.address;
  let fixed = via;
  if (via.params.has("received") || differs || symmetric) {
    fixed = withParam(fixed, "received", differs || symmetric ? source.address : undefined);
  }
  return symmetric ? withParam(fixed, "rport", String(source.port)) : fixed;
}

/**
 * Where its response goes over UDP: to the address it came from; with rport to that port too, else to the port that the Via has
 * (RFC 3261 18.2.2, RFC 3581 4). `maddr` is not followed: it lets anybody make us send to anybody.
 */
export function responsePath(path: Path, via: Via): Path {
  return path.reliable || via.params.has("rport") ? path : path.to(via.port ?? 5060);
}
