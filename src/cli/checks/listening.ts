import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createSecureContext } from "node:tls";
import type { Config, SipListenAddress } from "../../config.ts";
import { sentence } from "../report.ts";
import { type Finding, note, ok, problem } from "./finding.ts";

const ABOUT = "SIP";

/** What SIP listens on when nothing is said but that there is a trunk. */
const DEFAULT: SipListenAddress[] = [
  { protocol: "udp", address: "0.0.0.0", port: 5060 },
  { protocol: "tcp", address: "0.0.0.0", port: 5060 },
];

/** `serverHere`: a voice node runs on this machine, so that a port that is taken is taken by it. */
export async function checkListening(config: Config, serverHere: boolean): Promise<Finding[]> {
  const addresses = config.SIP_LISTEN.length > 0 ? config.SIP_LISTEN : DEFAULT;
  const findings = await Promise.all(addresses.map((address) => checkAddress(address, serverHere)));
  return [...findings, ...checkCertificate(config, addresses)];
}

async function checkAddress(listen: SipListenAddress, serverHere: boolean): Promise<Finding> {
  const { protocol, address, port } = listen;
  const name = `${protocol}:${address.includes(":") ? `[${address}]` : address}:${port}`;
  if (port === 0) return note(ABOUT, `${name}: any free port, which no gateway can know.`);
  try {
    await (protocol === "udp" ? tryUdp(listen) : tryTcp(listen));
    return ok(ABOUT, `${name} is free.`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE" && serverHere) return ok(ABOUT, `${name} is taken, by the server that runs here.`);
    if (code === "EADDRINUSE") return problem(ABOUT, `${name} is taken by another program. Stop that, or set SIP_LISTEN to another port.`);
    if (code === "EADDRNOTAVAIL")
      return problem(ABOUT, `${name} cannot be opened: ${address} is no address of this machine. Correct SIP_LISTEN.`);
    if (code === "EACCES") return problem(ABOUT, `${name} may not be opened by this user. Set SIP_LISTEN to a port of 1024 or more.`);
    return problem(ABOUT, `${name} cannot be opened: ${sentence(error)}`);
  }
}

async function tryUdp({ address, port }: SipListenAddress): Promise<void> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, "listening");
  } finally {
    socket.close();
  }
}

async function tryTcp({ address, port }: SipListenAddress): Promise<void> {
  const server = createServer().listen({ host: address, port, exclusive: true });
  await once(server, "listening");
  server.close();
}

function checkCertificate(config: Config, addresses: readonly SipListenAddress[]): Finding[] {
  const about = "SIP over TLS";
  const { SIP_TLS_CERT, SIP_TLS_KEY, SIP_TLS_CA } = config;
  const listens = addresses.some(({ protocol }) => protocol === "tls");
  if (listens && (SIP_TLS_CERT === undefined || SIP_TLS_KEY === undefined)) {
    return [problem(about, "SIP_LISTEN has a tls address, which needs SIP_TLS_CERT and SIP_TLS_KEY.")];
  }
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, "utf8"));
  const files = [SIP_TLS_CERT, SIP_TLS_KEY, SIP_TLS_CA].filter((path) => path !== undefined);
  if (files.length === 0) return [];
  try {
    createSecureContext({ cert: read(SIP_TLS_CERT), key: read(SIP_TLS_KEY), ca: read(SIP_TLS_CA) });
    if (SIP_TLS_CA !== undefined) new X509Certificate(readFileSync(SIP_TLS_CA));
    return [ok(about, `${files.join(", ")} can be used.`)];
  } catch (error) {
    return [
      problem(about, `${sentence(error)} See to SIP_TLS_CERT, SIP_TLS_KEY and SIP_TLS_CA: PEM files, the key that of the certificate.`),
    ];
  }
}
