import { recvStatus, sdp, steps } from "./scenario.ts";

/** The steps of a sipp that calls; `[service]` is the number. */

export interface Caller {
  number?: string;
  displayName?: string;
  headers?: readonly string[];
  body?: string;
}

/** Without what may come back. */
export const sendInvite = (
  { number = "+14155550123", displayName = "Dana Cohen", headers = [], body = sdp() }: Caller = {},
  more = "",
  sequence = 1,
): string =>
  `<send retrans="500" ${more}><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "${displayName}" <sip:${number}@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: ${sequence} INVITE
Contact: <sip:${number}@[local_ip]:[local_port]>
Max-Forwards: 70
${headers.map((header) => `${header}\n`).join("")}Content-Type: application/sdp
Content-Length: [len]

${body}
]]></send>`;

export const invite = (...of: Parameters<typeof sendInvite>): string =>
  `${sendInvite(...of)}
<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/>`;

export const inDialog = (method: string, sequence: number, { branch = "[branch]", uri = "[next_url]" } = {}): string =>
  `<send ${method === "ACK" ? "" : 'retrans="500"'}><![CDATA[
${method} ${uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch}
From: "Dana Cohen" <sip:+14155550123@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${sequence} ${method}
[routes]
Max-Forwards: 70
Content-Length: 0

]]></send>`;

/** Of a refusal, `back` messages after the INVITE, with its branch (RFC 3261 17.1.1.3). */
export const ackRefusal = (sequence = 1, back = 5): string =>
  inDialog("ACK", sequence, { branch: `[branch-${back}]`, uri: "sip:[service]@[remote_ip]:[remote_port]" });
export const refused = (status: number, back?: number): string => steps(recvStatus(status), ackRefusal(1, back));
/** Of the INVITE that was sent `back` messages before. */
export const cancel = (back: number): string =>
  inDialog("CANCEL", 1, { branch: `[branch-${back}]`, uri: "sip:[service]@[remote_ip]:[remote_port]" }).replace("[peer_tag_param]", "");
export const answered = (): string => steps('<recv response="200" rtd="true" rrs="true"/>', inDialog("ACK", 1));
export const callerHangsUp = (): string => steps(inDialog("BYE", 2), recvStatus(200));
