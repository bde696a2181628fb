import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";

export interface Certificates {
  readonly ca?: string[];
  readonly cert?: string[];
  readonly key?: string[];
}

/**
 * Certificates for one registry from a folder laid out as Docker's certs.d: `HOST[:PORT]/*.crt` are
 * authorities (beside the public ones), `NAME.cert` with `NAME.key` a client's certificate.
 */
export function readCertificates(directory: string, host: string): Certificates {
  const folder = join(directory, host);
  if (directory === "" || host.includes("/") || !existsSync(folder)) return {};
  const names = readdirSync(folder).toSorted();
  const read = (suffix: string): string[] =>
    names
      .filter((name) => name.endsWith(suffix))
      .map((name) => readFileSync(join(folder, name), "utf8"));
  const authorities = read(".crt");
  const certificates = read(".cert");
  return {
    ...(authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] }),
    ...(certificates.length === 0 ? {} : { cert: certificates, key: read(".key") }),
  };
}
