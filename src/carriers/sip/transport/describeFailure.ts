import type { RequestFailure } from "../endpoint.ts";

/**
 * In words for whoever set up the gateway: why it could not be reached. `host` is its name as it was configured.
 * The codes are those of Node's `net`, `dns` and `tls`, of `connectSocket`, and OpenSSL's X509_V_ERR names.
 */
export function describeFailure(error: unknown, host: string): RequestFailure {
  return { kind: "unreachable", detail: words(error, host) };
}

function words(error: unknown, host: string): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `the certificate of ${host} is for ${certificateNames(error)}`;
  const certificate = CERTIFICATE[code];
  if (certificate) return `the certificate of ${host} is not trusted: ${certificate}`;
  const distrust = DISTRUST.exec(error.message)?.[1];
  if (distrust) return `${host} does not trust our certificate (${distrust})`;
  const known = NETWORK[code];
  if (known) return known.replace("HOST", host);
  if (code.startsWith("ERR_SSL") || code === "EPROTO") return `${host} does not speak TLS as we do: ${tlsReason(error)}`;
  return error.message;
}

/** OpenSSL's own words name its source files. */
function tlsReason(error: Error): string {
  const reason = "reason" in error && typeof error.reason === "string" ? error.reason : error.message;
  return TLS.find(([said]) => said.test(reason))?.[1] ?? reason;
}

const TLS: ReadonlyArray<readonly [said: RegExp, words: string]> = [
  [/protocol version|unsupported protocol/, "it has no version of TLS that we have (1.2 and 1.3)"],
  [/wrong version number|packet length too long|http request/, "what it says is not TLS"],
  [/handshake failure|no shared cipher/, "no cipher in common"],
  [/certificate required/, "it asks for a certificate, and SIP_TLS_CERT is not set or not one it takes"],
];

/** The alerts of TLS about the certificate that we have shown. */
const DISTRUST = /alert (unknown ca|bad certificate|certificate (?:unknown|expired|revoked)|unsupported certificate)/;

/** What Node puts on the error beside its code: the certificate that was shown. */
function certificateNames(error: Error): string {
  const certificate: unknown = "cert" in error ? error.cert : undefined;
  if (typeof certificate !== "object" || certificate === null) return "another name";
  const alternatives = "subjectaltname" in certificate ? certificate.subjectaltname : undefined;
  if (typeof alternatives === "string" && alternatives) {
    return alternatives
      .split(", ")
      .map((name) => name.replace(/^[^:]+:/, ""))
      .join(", ");
  }
  const subject = "subject" in certificate ? certificate.subject : undefined;
  if (typeof subject === "object" && subject !== null && "CN" in subject) return String(subject.CN);
  return "another name";
}

const CERTIFICATE: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "self-signed authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its issuer is unknown, or an intermediate certificate is missing",
  UNABLE_TO_GET_ISSUER_CERT: "its issuer is unknown",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its issuer is unknown",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  CERT_REVOKED: "it was revoked",
  CERT_UNTRUSTED: "its authority is not trusted for this",
  INVALID_PURPOSE: "it is not made for a server",
};

const NETWORK: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "HOST closed the connection",
  EPIPE: "HOST closed the connection",
  ETIMEDOUT: "timed out",
  TLS_HANDSHAKE_CLOSED: "HOST does not speak TLS as we do: it closes the connection instead",
  ERR_TLS_HANDSHAKE_TIMEOUT: "HOST takes the connection but does not speak TLS",
  EHOSTUNREACH: "no route to HOST",
  ENETUNREACH: "no route to HOST",
  EADDRNOTAVAIL: "no route to HOST from the address listened on",
  EINVAL: "no route to HOST from the address listened on",
  EACCES: "the system does not allow to send to HOST",
  EPERM: "the system does not allow to send to HOST (a firewall of this machine?)",
  EMSGSIZE: "the message is too big for UDP",
  ENOTFOUND: "the host name HOST cannot be resolved",
  ENODATA: "the host name HOST cannot be resolved",
  EAI_AGAIN: "the host name HOST cannot be resolved just now",
  ETIMEOUT: "the host name HOST cannot be resolved: the DNS does not answer",
};
