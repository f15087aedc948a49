/** The steps of sipp scenarios, put together as text. */

const lines = (...parts: Array<string | undefined | false>): string =>
  parts.filter((part) => part !== undefined && part !== false).join("\n");

const send = (message: string, more = ""): string => `<send ${more}><![CDATA[\n${message}\n]]></send>`;

/** Waits for a request. `optional`: it may also not come. */
export const recv = (method: string, more = ""): string => `<recv request="${method}" ${more}/>`;
/** Waits for a response. */
export const recvStatus = (status: number, more = ""): string => `<recv response="${status}" ${more}/>`;
/** Waits for an INVITE, and keeps what a request of ours in its dialog needs. */
export const recvInvite = (more = ""): string => `<recv request="INVITE" rrs="true" ${more}><action>
  <ereg regexp="&lt;(sip[^&gt;]*)&gt;" search_in="hdr" header="Contact:" check_it="true" assign_to="contact_all,contact"/>
  <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
  <ereg regexp="[^;]*" search_in="hdr" header="To:" assign_to="to"/>
  <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
  <ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
</action></recv><Reference variables="contact_all,contact,from,to,via,cseq"/>`;
export const pause = (ms: number): string => `<pause milliseconds="${ms}"/>`;

export interface Sdp {
  codec?: "PCMU" | "PCMA" | "G729";
  direction?: "sendrecv" | "sendonly" | "recvonly" | "inactive";
  port?: string;
  version?: number;
}

const CODECS = { PCMU: "0", PCMA: "8", G729: "18" } as const;

export function sdp({ codec = "PCMA", direction = "sendrecv", port = "[media_port]", version = 1 }: Sdp = {}): string {
  const type = CODECS[codec];
  return lines(
    "v=0",
    `o=sipp 1 ${version} IN IP4 127.0.0.1`,
    "s=-",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    `m=audio ${port} RTP/AVP ${type} 101`,
    `a=rtpmap:${type} ${codec}/8000`,
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    `a=${direction}`,
  );
}

export interface ReplyOptions {
  /** The tag of To. */
  tag?: string;
  headers?: readonly string[];
  body?: string;
  /** Attributes of the step. */
  more?: string;
  contact?: boolean;
}

/** Something that a message must say, or must not. The expression is POSIX's, over one header's value or the body. */
export interface Check {
  header?: string;
  regexp: string;
  absent?: boolean;
  /** The name of a variable that keeps what was found. */
  keep?: string;
}

let checks = 0;

/** The checks of a `recv` step. */
export function checking(step: string, ...wanted: Check[]): string {
  const names = wanted.map(({ keep }) => keep ?? `check${++checks}`);
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  const actions = wanted.map(({ header, regexp, absent }, index) => {
    const where = header === undefined ? 'search_in="body"' : `search_in="hdr" header="${header}:"`;
    const how = absent ? "check_it_inverse" : "check_it";
    return `<ereg regexp="${escaped(regexp)}" ${where} ${how}="true" assign_to="${names[index]}"/>`;
  });
  const all = step.includes("</action>")
    ? step.replace("</action>", `${actions.join("")}</action>`)
    : step.replace(/\/>$/, `><action>${actions.join("")}</action></recv>`);
  return `${all}<Reference variables="${names.join(",")}"/>`;
}

/** Answers the request that came last. */
export const reply = (status: string, { tag = "[call_number]", headers = [], body, more, contact = true }: ReplyOptions = {}): string =>
  send(
    lines(
      `SIP/2.0 ${status}`,
      "[last_Via:]",
      "[last_From:]",
      tag === "" ? "[last_To:]" : `[last_To:];tag=${tag}`,
      "[last_Call-ID:]",
      "[last_CSeq:]",
      "[last_Record-Route:]",
      contact && "Contact: <sip:sipp@[local_ip]:[local_port]>",
      ...headers,
      body === undefined ? undefined : "Content-Type: application/sdp",
      "Content-Length: [len]",
      "",
      body ?? "",
    ),
    more,
  );

/** Answers a request within the dialog, whose To has its tag already. */
export const replyInDialog = (status: string, options: ReplyOptions = {}): string => reply(status, { ...options, tag: "" });

/** Answers the INVITE that `recvInvite` took, whatever has come since. */
export const replyToInvite = (
  status: string,
  { tag = "[call_number]", headers = [], body, more, contact = true }: ReplyOptions = {},
): string =>
  send(
    lines(
      `SIP/2.0 ${status}`,
      "Via:[$via]",
      "From:[$from]",
      `To:[$to];tag=${tag}`,
      "[last_Call-ID:]",
      "CSeq:[$cseq]",
      contact && "Contact: <sip:sipp@[local_ip]:[local_port]>",
      ...headers,
      body === undefined ? undefined : "Content-Type: application/sdp",
      "Content-Length: [len]",
      "",
      body ?? "",
    ),
    more,
  );

export interface RequestInDialog {
  sequence?: number;
  headers?: readonly string[];
  body?: string;
  /** Of the body; SDP when not said. */
  type?: string;
  tag?: string;
  more?: string;
  contact?: string;
  branch?: string;
}

/** A request of the called side in the dialog that `recvInvite` began. */
export const request = (
  method: string,
  {
    sequence = 1,
    headers = [],
    body,
    type = "application/sdp",
    tag = "[call_number]",
    more,
    contact = "sip:sipp@[local_ip]:[local_port]",
    branch = "[branch]",
  }: RequestInDialog = {},
): string =>
  send(
    lines(
      `${method} [$contact] SIP/2.0`,
      `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch}`,
      `From:[$to];tag=${tag}`,
      "To:[$from]",
      "[last_Call-ID:]",
      `CSeq: ${sequence} ${method}`,
      "[routes]",
      "Max-Forwards: 70",
      `Contact: <${contact}>`,
      ...headers,
      body === undefined ? undefined : `Content-Type: ${type}`,
      "Content-Length: [len]",
      "",
      body ?? "",
    ),
    more,
  );

/**
 * The called side takes the call. Nothing is lost on loopback, so it does not say so again after 500 ms: the ACK to that, late, would
 * be taken for something new.
 */
export const answer = (options: ReplyOptions & { offer?: Sdp } = {}): string =>
  lines(reply("200 OK", { body: sdp(options.offer), ...options, more: 'retrans="10000"' }), recv("ACK"));
/** Both ways of ending it. */
export const hangUp = (sequence = 1): string => lines(request("BYE", { sequence, more: 'retrans="500"' }), recvStatus(200));
export const hungUp = (): string => lines(recv("BYE"), replyInDialog("200 OK"));

export const steps = lines;
