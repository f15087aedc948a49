import { isIP } from "node:net";
import { parseHost } from "./parseHost.ts";
import type { Gateway } from "./trunk.ts";

const DEFAULT_PORTS: Record<Gateway["protocol"], number> = { udp: 5060, tcp: 5060, tls: 5061 };

export const GATEWAY_FORM = "udp:HOST, tcp:HOST or tls:HOST, with or without :PORT, such as udp:sip.example.com";

/**
 * `udp:sip.example.com:5060`, `tls:[2001:db8::1]`. Without a port a name has null, an address the protocol's own (RFC 3261 19.1.2).
 * Undefined for anything else.
 */
export function parseGateway(text: string): Gateway | undefined {
  const match = /^(udp|tcp|tls):(\[[^\]]*\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(text.trim());
  if (!match) return undefined;
  const [, scheme = "", hostText = "", portText] = match;
  const lower = scheme.toLowerCase();
  const protocol = lower === "tcp" || lower === "tls" ? lower : "udp";
  const host = parseHost(hostText);
  if (host === undefined) return undefined;
  if (portText === undefined) return { protocol, host, port: isIP(host) === 0 ? null : DEFAULT_PORTS[protocol] };
  const port = Number(portText);
  if (port < 1 || port > 65_535) return undefined;
  return { protocol, host, port };
}
