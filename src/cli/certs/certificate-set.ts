import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { createAuthority, createPair, type Pair } from "../../kit/x509/certificate.ts";

const authorityDays = 3_650;
const localNames: readonly string[] = ["localhost", "127.0.0.1", "::1"];

/** One certificate of a set. */
export interface ListedCertificate {
  /** `authority`, `server`, or `client NAME`. */
  readonly role: string;
  readonly certificate: X509Certificate;
  readonly path: string;
}

/**
 * The certificates of one daemon's API over TCP in a folder that only root reads: `ca.pem` and
 * `server-*.pem` for the daemon, and in `clients/NAME` what one client needs, under the names that
 * DOCKER_CERT_PATH wants.
 */
export class CertificateSet {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get clients(): string {
    return join(this.folder, "clients");
  }

  /** Makes authority, server and one client. Throws `conflict` CERTIFICATES_EXIST. */
  async create(names: readonly string[], client: string, days: number): Promise<void> {
    if ((await this.read("ca.pem")) !== null) {
      throw new DuetError("conflict", "CERTIFICATES_EXIST", `${this.folder} holds certificates`, {
        hint: "make more clients with `duet certs client`, new ones of the same names with `duet certs renew`, or choose another --dir",
      });
    }
    await makeFolder(this.folder);
    const authority = createAuthority(`Duet of ${hostname()}`.slice(0, 64), authorityDays);
    const every = [...new Set([...names, hostname(), ...localNames])];
    const server = this.serverPair(authority, every, days);
    await this.write("ca-key.pem", authority.key);
    await this.writeServer(server);
    await this.write("ca.pem", authority.certificate);
    await this.addClient(client, days);
  }

  /** Makes a client's pair, in place of one of the same name. Gives its folder. */
  async addClient(name: string, days: number): Promise<string> {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/.test(name)) {
      throw new DuetError("invalid", "CLIENT_NAME", `${JSON.stringify(name)} is no client's name`, {
        hint: "use letters, digits, and . _ - @",
      });
    }
    const authority = await this.authority();
    const pair = createPair(authority, { name, use: "client", alternativeNames: [], days });
    const folder = join(this.clients, name);
    await makeFolder(this.clients);
    await makeFolder(folder);
    await writeFileAtomic(join(folder, "key.pem"), pair.key);
    await writeFileAtomic(join(folder, "cert.pem"), pair.certificate);
    await writeFileAtomic(join(folder, "ca.pem"), authority.certificate);
    return folder;
  }

  /** New keys and certificates for the server, with more `names` if given, and for every client. */
  async renew(names: readonly string[], days: number): Promise<readonly string[]> {
    const authority = await this.authority();
    const old = await this.need("server-cert.pem");
    const every = [...new Set([...alternativeNames(new X509Certificate(old)), ...names])];
    await this.writeServer(this.serverPair(authority, every, days));
    const clients = await this.clientNames();
    for (const client of clients) await this.addClient(client, days);
    return ["server", ...clients.map((client) => `client ${client}`)];
  }

  async list(): Promise<readonly ListedCertificate[]> {
    const files = [
      ["authority", "ca.pem"],
      ["server", "server-cert.pem"],
      ...(await this.clientNames()).map((name) => [`client ${name}`, `clients/${name}/cert.pem`]),
    ] as const;
    return await Promise.all(
      files.map(async ([role = "", name = ""]) => ({
        role,
        certificate: new X509Certificate(await this.need(name)),
        path: join(this.folder, name),
      })),
    );
  }

  private async clientNames(): Promise<readonly string[]> {
    return (await readdir(this.clients).catch(() => [])).toSorted();
  }

  private serverPair(authority: Pair, names: readonly string[], days: number): Pair {
    const name = names[0]!.slice(0, 64);
    return createPair(authority, { name, use: "server", alternativeNames: names, days });
  }

  private async writeServer(pair: Pair): Promise<void> {
    await this.write("server-key.pem", pair.key);
    await this.write("server-cert.pem", pair.certificate);
  }

  private async authority(): Promise<Pair> {
    return { certificate: await this.need("ca.pem"), key: await this.need("ca-key.pem") };
  }

  private async need(name: string): Promise<string> {
    const text = await this.read(name);
    if (text !== null) return text;
    throw new DuetError("not-found", "NO_CERTIFICATES", `there is no ${join(this.folder, name)}`, {
      hint: "make a set with `duet certs create`",
    });
  }

  private async read(name: string): Promise<string | null> {
    try {
      return await readFile(join(this.folder, name), "utf8");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return null;
      throw error;
    }
  }

  private async write(name: string, text: string): Promise<void> {
    await writeFileAtomic(join(this.folder, name), text);
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}

/** The names and addresses that a server's certificate is for. */
export function alternativeNames(certificate: X509Certificate): readonly string[] {
  return (certificate.subjectAltName ?? "")
    .split(", ")
    .filter((part) => part !== "")
    .map((part) => part.replace(/^(?:DNS|IP Address):/, ""));
}
