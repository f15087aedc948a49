import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Issued {
  cert: string;
  key: string;
}

export interface Authority {
  ca: string;
  /** `names` as OpenSSL writes them: `DNS:sip.example.com`, `IP:127.0.0.1`. */
  issue(names: string, days?: number): Issued;
  selfSigned(names: string): Issued;
}

/** A certificate authority made for one test file; its folder is gone when this returns. */
export function withAuthority<T>(use: (authority: Authority) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "leadline-tls-"));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    openssl("req", "-x509", ...newKey, "-keyout", path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=Test authority", "-days", "2");
    let issued = 0;
    return use({
      ca: readFileSync(path("ca.pem"), "utf8"),
      selfSigned: (names) => {
        const files = ["-keyout", path("self.key"), "-out", path("self.pem")];
        openssl("req", "-x509", ...newKey, ...files, "-subj", "/CN=self", "-addext", `subjectAltName=${names}`, "-days", "2");
        return { cert: readFileSync(path("self.pem"), "utf8"), key: readFileSync(path("self.key"), "utf8") };
      },
      issue: (names, days = 2) => {
        issued += 1;
        const [key, request, cert] = [path(`${issued}.key`), path(`${issued}.csr`), path(`${issued}.pem`)];
        writeFileSync(path("names"), `subjectAltName=${names}\n`);
        openssl("req", "-new", ...newKey, "-keyout", key, "-out", request, "-subj", "/CN=leaf");
        const signed = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-extfile", path("names")];
        openssl("x509", "-req", "-in", request, ...signed, "-days", String(days), "-out", cert);
        return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
      },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
