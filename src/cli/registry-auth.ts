import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { AuthConfig } from "../client/api-types.ts";
import { writeFileAtomic } from "../kit/atomic-file.ts";
import { DuetError, errnoOf } from "../kit/errors.ts";

/** Docker Hub's name in Docker's config.json. */
export const standardRegistry = "https://index.docker.io/v1/";

type ConfigFile = Record<string, unknown> & { auths?: Record<string, Record<string, string>> };

function configPath(): string {
  return join(process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"), "config.json");
}

/** The stored credentials for the registry of an image reference; undefined without any. */
export async function registryAuth(reference: string): Promise<AuthConfig | undefined> {
  const { auths } = await readConfig();
  const first = reference.split("/", 1)[0]!;
  const named = reference.includes("/") && /[.:]|^localhost$/.test(first);
  const registry = named ? first : standardRegistry;
  const entry = auths?.[registry] ?? auths?.[`https://${registry}`];
  if (entry === undefined) return undefined;
  if (entry["identitytoken"])
    return { identitytoken: entry["identitytoken"], serveraddress: registry };
  const [username = "", ...password] = Buffer.from(entry["auth"] ?? "", "base64")
    .toString("utf8")
    .split(":");
  return username === ""
    ? undefined
    : { username, password: password.join(":"), serveraddress: registry };
}

export async function saveAuth(registry: string, auth: AuthConfig): Promise<void> {
  const config = await readConfig();
  const plain = Buffer.from(`${auth.username ?? ""}:${auth.password ?? ""}`).toString("base64");
  const token = auth.identitytoken === undefined ? {} : { identitytoken: auth.identitytoken };
  config.auths = { ...config.auths, [registry]: { auth: plain, ...token } };
  await writeFileAtomic(configPath(), `${JSON.stringify(config, null, "\t")}\n`);
}

/** False when there was nothing to forget. */
export async function forgetAuth(registry: string): Promise<boolean> {
  const config = await readConfig();
  if (config.auths?.[registry] === undefined) return false;
  const { [registry]: _forgotten, ...rest } = config.auths;
  await writeFileAtomic(
    configPath(),
    `${JSON.stringify({ ...config, auths: rest }, null, "\t")}\n`,
  );
  return true;
}

async function readConfig(): Promise<ConfigFile> {
  const path = configPath();
  try {
    return JSON.parse(await readFile(path, "utf8")) as ConfigFile;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return {};
    throw new DuetError(
      "invalid",
      "CREDENTIALS_UNREADABLE",
      `cannot read the stored credentials · ${path}`,
      { cause: error },
    );
  }
}
