import { createSecureContext, getCACertificates, rootCertificates, type SecureContext } from "node:tls";

/** PEM texts. */
export interface TlsFiles {
  /** The certificate with its chain, and its private key: shown to who connects to us, and to gateways that ask for one. */
  cert?: string;
  key?: string;
  /** Who gateways are trusted by, in place of the system's authorities. */
  ca?: string;
}

export interface SecureContexts {
  server(): SecureContext;
  client(): SecureContext;
}

/** Made when first needed: reading the system's authorities takes a while. Throws when a PEM text is none. */
export function createSecureContexts({ cert, key, ca }: TlsFiles): SecureContexts {
  let client: SecureContext | undefined;
  let server: SecureContext | undefined;
  const own = cert && key ? { cert, key } : {};

  return {
    server: () => {
      server ??= createSecureContext({ ...own, minVersion: "TLSv1.2" });
      return server;
    },
    client: () => {
      client ??= createSecureContext({ ...own, ca: ca ? [ca] : systemAuthorities(), minVersion: "TLSv1.2" });
      return client;
    },
  };
}

function systemAuthorities(): string[] {
  return [...new Set([...rootCertificates, ...getCACertificates("system"), ...getCACertificates("extra")])];
}
