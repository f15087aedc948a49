import { X509Certificate } from "node:crypto";
import { createSecureContext, getCACertificates, rootCertificates, type SecureContext } from "node:tls";

/** PEM texts. */
export interface TlsFiles {
  /** The certificate with its chain, and its private key: shown to who connects to us, and to gateways that ask for one. */
  cert?: string;
  key?: string;
  /** Who gateways are trusted by, in place of the system's authorities. */
  ca?: string;
}

/** What we connect with. */
export interface SecureContexts {
  /** Made when first needed: reading the system's authorities takes a while. Throws when a PEM text is none. */
  client(): SecureContext;
  /** For connections from now on. Throws when they cannot be used, or do not belong together; then the old ones stay. */
  renew(files: TlsFiles): void;
}

export function createSecureContexts(files: TlsFiles): SecureContexts {
  let client: SecureContext | undefined;

  return {
    client: () => {
      client ??= contextOf(files);
      return client;
    },
    renew: (next) => {
      client = contextOf(next);
    },
  };
}

function contextOf({ cert, key, ca }: TlsFiles): SecureContext {
  if (ca) checkAuthorities(ca);
  return createSecureContext({ ...(cert && key ? { cert, key } : {}), ca: ca ? [ca] : systemAuthorities(), minVersion: "TLSv1.2" });
}

/** OpenSSL takes anything as authorities, and then trusts nobody. */
function checkAuthorities(ca: string): void {
  try {
    new X509Certificate(ca);
  } catch (error) {
    throw new Error("SIP_TLS_CA has no certificate that can be read", { cause: error });
  }
}

function systemAuthorities(): string[] {
  return [...new Set([...rootCertificates, ...getCACertificates("system"), ...getCACertificates("extra")])];
}
