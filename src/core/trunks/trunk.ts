import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

export interface Gateway {
  protocol: "udp" | "tcp" | "tls";
  /** A host name or an IP address, IPv6 without brackets. */
  host: string;
  /** Null, of a name only: where its SRV records say, else the protocol's own (RFC 3263 4.2). */
  port: number | null;
}

export type Codec = "PCMA" | "PCMU";
export type SrtpPolicy = "off" | "offer" | "require";
/** How numbers are written to the gateway. e164: +972501234567; international: 972501234567; national: 0501234567 within our country. */
export type CallerIdFormat = "e164" | "international" | "national";

/** A way to the telephone network. Without its password, which only the voice role opens. */
export type Trunk = Omit<Selectable<Tables["trunks"]>, "password">;

export const gatewayName = ({ protocol, host, port }: Gateway): string =>
  `${protocol}:${host.includes(":") ? `[${host}]` : host}${port === null ? "" : `:${port}`}`;
