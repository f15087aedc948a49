import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";

/** What the installation's master key does: encrypts small secrets at rest (AES-256-GCM; nonce, tag and text in one buffer), and signs. */
export interface SecretBox {
  seal(plain: string): Buffer;
  /** Throws when the buffer was sealed with another key or was changed. */
  open(sealed: Buffer): string;
  /** HMAC-SHA256 of a text with a key of its own for each purpose: 32 bytes that only this installation can make. */
  mac(purpose: string, text: string): Buffer;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `masterKey` is any string of at least 32 characters; its SHA-256 is the cipher key. */
export function createSecretBox(masterKey: string): SecretBox {
  const master = createHash("sha256").update(masterKey).digest();
  /** Purposes are few, and named in the code. */
  const macKeys = new Map<string, Buffer>();
  return {
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", master, nonce);
      const text = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    open(sealed) {
      const decipher = createDecipheriv("aes-256-gcm", master, sealed.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString("utf8");
    },
    mac(purpose, text) {
      const key = macKeys.get(purpose) ?? Buffer.from(hkdfSync("sha256", master, "", `leadline mac ${purpose}`, 32));
      macKeys.set(purpose, key);
      return createHmac("sha256", key).update(text).digest();
    },
  };
}
