import type { Gateway } from "../../../core/trunks/trunk.ts";

/** What would mend a finding, for the person who set the trunk up; by what the finding says. */
const ADVICE: ReadonlyArray<readonly [finding: RegExp, advice: (gateway: Gateway) => string]> = [
  [/cannot be resolved|has no address|offers no SIP/, () => "Check how the host name is written, and this machine's DNS."],
  [
    /connection refused/,
    ({ protocol, port }) =>
      `Nothing listens on ${protocol}${port === null ? "" : ` port ${port}`} there, or a firewall is in between: check protocol and port.`,
  ],
  [/version of TLS/, () => "Its operator must switch on TLS 1.2 or newer."],
  [/asks for a certificate/, () => "Ask the provider for one, and name it in SIP_TLS_CERT and SIP_TLS_KEY."],
  [
    /trust our certificate/,
    () => "Name one in SIP_TLS_CERT and SIP_TLS_KEY that it trusts, or have its operator trust the authority of ours.",
  ],
  [/certificate/, () => "Use the host name that the certificate is for, or name its authority in SIP_TLS_CA."],
  [/does not speak TLS/, () => "That port is probably for TCP: check protocol and port."],
  [/user name|wrong password/, () => "Check user name, password and --domain with the provider."],
  [
    /no answer|does not answer|timed? ?out/i,
    ({ protocol }) =>
      `Check host and port, that a firewall lets ${protocol} through both ways, and that the provider allows this machine's address.`,
  ],
  [/in this domain/, () => "Give the provider's SIP domain with --domain."],
  [/out of service/, () => "The provider says so itself: try later, or add another gateway."],
];

export const adviceOn = (detail: string, gateway: Gateway): string | undefined =>
  ADVICE.find(([finding]) => finding.test(detail))?.[1](gateway);
