import { mkdir, readFile, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../kit/atomic-file.ts";
import { never } from "../kit/abort.ts";
import { DuetError, errnoOf, reasonOf } from "../kit/errors.ts";
import { JsonFields } from "../kit/json-fields.ts";
import { parseStrictJson, type JsonRecord, type JsonValue } from "../kit/strict-json.ts";
import type { AuthConfig } from "./api-types.ts";
import { CredentialHelper } from "./credential-helper.ts";

/** Docker Hub's key in Docker's config.json. */
export const standardRegistry = "https://index.docker.io/v1/";
const hubNames: ReadonlySet<string> = new Set([
  "",
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
]);
const maximumBytes = 4 << 20;

export interface CredentialSources {
  /** Default: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
  readonly path?: string;
  readonly signal?: AbortSignal;
}

/** The key of a registry's credentials, for the registry of an image reference. */
export function registryOfReference(reference: string): string {
  const slash = reference.indexOf("/");
  const first = slash < 0 ? "" : reference.slice(0, slash);
  return /[.:]/.test(first) || first === "localhost" ? registryKey(first) : standardRegistry;
}

/** `host[:port]` of what people write for a registry; Docker Hub's key for any of its names. */
export function registryKey(registry: string): string {
  const host = registry.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
  return hubNames.has(host) ? standardRegistry : host;
}

/**
 * The stored credentials of a registry (as `registryKey` gives it), from a credential helper or from
 * Docker's config.json itself; undefined without any. Throws `invalid` CREDENTIALS_UNREADABLE.
 */
export async function findCredentials(
  registry: string,
  sources: CredentialSources = {},
): Promise<AuthConfig | undefined> {
  const file = await readConfig(pathOf(sources));
  const helper = helperFor(file, registry);
  if (helper !== undefined) return await helper.get(registry, sources.signal ?? never);
  const auths = file.fields.object("auths");
  const key = auths?.keys().find((name) => registryKey(name) === registry);
  const entry = key === undefined ? undefined : auths?.object(key);
  return entry === undefined ? undefined : readEntry(entry, registry);
}

/** Keeps credentials that the registry accepted; the file is readable by its owner alone. */
export async function storeCredentials(
  registry: string,
  auth: AuthConfig,
  sources: CredentialSources = {},
): Promise<void> {
  const path = pathOf(sources);
  const file = await readConfig(path);
  const helper = helperFor(file, registry);
  await helper?.store(registry, auth, sources.signal ?? never);
  const packed = Buffer.from(`${auth.username ?? ""}:${auth.password ?? ""}`).toString("base64");
  const token = auth.identitytoken ? { identitytoken: auth.identitytoken } : {};
  const entry: JsonRecord = helper === undefined ? { auth: packed, ...token } : {};
  await writeConfig(path, file, { ...authsOf(file), [registry]: entry });
}

/** Forgets a registry's credentials; false where there were none. */
export async function eraseCredentials(
  registry: string,
  sources: CredentialSources = {},
): Promise<boolean> {
  const path = pathOf(sources);
  const file = await readConfig(path);
  const known = await findCredentials(registry, sources);
  await helperFor(file, registry)?.erase(registry, sources.signal ?? never);
  const entries = Object.entries(authsOf(file));
  const kept = entries.filter(([name]) => registryKey(name) !== registry);
  if (kept.length < entries.length) await writeConfig(path, file, Object.fromEntries(kept));
  return known !== undefined || kept.length < entries.length;
}

interface ConfigFile {
  readonly record: JsonRecord;
  readonly fields: JsonFields;
}

function helperFor({ fields }: ConfigFile, registry: string): CredentialHelper | undefined {
  const helpers = fields.object("credHelpers");
  const key = helpers?.keys().find((name) => registryKey(name) === registry);
  const name =
    (key === undefined ? undefined : helpers?.text(key)) ?? fields.text("credsStore") ?? "";
  return name === "" ? undefined : new CredentialHelper(name);
}

function readEntry(entry: JsonFields, registry: string): AuthConfig | undefined {
  const identitytoken = entry.text("identitytoken") ?? "";
  if (identitytoken !== "") return { identitytoken, serveraddress: registry };
  // Docker trims NULs that some tools pad with.
  const packed = Buffer.from(entry.text("auth") ?? "", "base64")
    .toString("utf8")
    .replace(/\0+$/, "");
  const colon = packed.indexOf(":");
  const username = colon < 0 ? (entry.text("username") ?? "") : packed.slice(0, colon);
  const password = colon < 0 ? (entry.text("password") ?? "") : packed.slice(colon + 1);
  return username === "" ? undefined : { username, password, serveraddress: registry };
}

function authsOf({ record }: ConfigFile): JsonRecord {
  const auths: JsonValue | undefined = record["auths"];
  return typeof auths === "object" && auths !== null && !Array.isArray(auths)
    ? (auths as JsonRecord)
    : {};
}

function pathOf(sources: CredentialSources): string {
  return (
    sources.path ?? join(process.env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json")
  );
}

async function readConfig(path: string): Promise<ConfigFile> {
  const refuse = (why: string, cause?: unknown): DuetError =>
    new DuetError(
      "invalid",
      "CREDENTIALS_UNREADABLE",
      `cannot read the stored credentials · ${why} · ${path}`,
      {
        cause,
        subject: path,
      },
    );
  const bytes = await readFile(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return Buffer.from("{}");
    throw refuse(errnoOf(error) ?? "unreadable", error);
  });
  try {
    const value = parseStrictJson(bytes, path, { maximumBytes });
    return { record: value as JsonRecord, fields: new JsonFields(value, "", refuse) };
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : "not JSON", error);
  }
}

async function writeConfig(path: string, file: ConfigFile, auths: JsonRecord): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // A link to a file that is kept elsewhere stays one, as with Docker.
    const target = await realpath(path).catch(() => path);
    await writeFileAtomic(target, `${JSON.stringify({ ...file.record, auths }, null, "\t")}\n`);
  } catch (error) {
    const why = reasonOf(error);
    if (why === undefined) throw error;
    const message = `cannot store the credentials · ${why} · ${path}`;
    const hint = "make the folder writable, or name another one in DOCKER_CONFIG";
    throw new DuetError("denied", "CREDENTIALS_UNWRITABLE", message, { cause: error, hint });
  }
}
