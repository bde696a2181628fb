import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DuetError, errnoOf } from "../kit/errors.ts";
import { endpointOf, type CertificateSources, type Endpoint } from "./endpoint.ts";

/** Where a daemon is, or is to be started. */
export interface Settings {
  readonly endpoint: Endpoint;
  /** Path of the API's unix socket, of a daemon on this machine; "" elsewhere. */
  readonly socketPath: string;
  readonly dataRoot: string;
  readonly runFolder: string;
  /** Whether a daemon may be started when none answers: not when only a foreign socket is named. */
  readonly mayStart: boolean;
  /** The settings that were given rather than assumed: a daemon started on demand gets them. */
  readonly daemonArguments: readonly string[];
}

export interface SettingSources {
  /** `unix:///path`, a path, `tcp://host[:port]` for TLS, or `ssh://[user@]host[:port][/socket]`. */
  readonly host?: string | undefined;
  readonly dataRoot?: string | undefined;
  readonly runFolder?: string | undefined;
  /** Files for TLS; otherwise ca.pem, cert.pem and key.pem in DUET_CERT_PATH, DOCKER_CERT_PATH or ~/.docker. */
  readonly certificates?: Omit<CertificateSources, "env"> | undefined;
  /** Configuration file; a missing one is only an error when it is named here. */
  readonly configFile?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export const defaultConfigFile = "/etc/duet/config.json";
const defaultDataRoot = "/var/lib/duet";
const defaultRunFolder = "/run/duet";

/**
 * Resolves, each alone: argument, then DUET_HOST / DUET_DATA_ROOT / DUET_RUN_DIR, then the
 * configuration file (`host`, `dataRoot`, `runDir`), then the default. DOCKER_HOST is not looked at:
 * it says where Docker is. Throws `invalid` for a host of another kind.
 */
export function resolveSettings(sources: SettingSources = {}): Settings {
  const env = sources.env ?? process.env;
  const configFile = sources.configFile ?? env["DUET_CONFIG"];
  const config = readConfig(configFile);
  const given = {
    host: sources.host ?? env["DUET_HOST"],
    dataRoot: sources.dataRoot ?? env["DUET_DATA_ROOT"],
    runFolder: sources.runFolder ?? env["DUET_RUN_DIR"],
  };
  const runFolder = given.runFolder ?? config.runDir ?? defaultRunFolder;
  const host = given.host ?? (given.runFolder === undefined ? config.host : undefined);
  const daemonArguments: string[] = [];
  if (configFile !== undefined) daemonArguments.push("--config", configFile);
  if (given.dataRoot !== undefined) daemonArguments.push("--data-root", given.dataRoot);
  if (given.runFolder !== undefined) daemonArguments.push("--run-dir", given.runFolder);
  if (given.host !== undefined) daemonArguments.push("--host", given.host);
  const endpoint = endpointOf(host ?? join(runFolder, "docker.sock"), {
    ...sources.certificates,
    env,
  });
  return {
    endpoint,
    socketPath: endpoint.kind === "unix" ? endpoint.path : "",
    dataRoot: given.dataRoot ?? config.dataRoot ?? defaultDataRoot,
    runFolder,
    mayStart:
      endpoint.kind === "unix" && (given.host === undefined || given.runFolder !== undefined),
    daemonArguments,
  };
}

interface ConfigFile {
  readonly host?: string;
  readonly dataRoot?: string;
  readonly runDir?: string;
}

function readConfig(named: string | undefined): ConfigFile {
  const path = named ?? defaultConfigFile;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (named === undefined && errnoOf(error) !== undefined) return {};
    throw new DuetError(
      "invalid",
      "CONFIG_UNREADABLE",
      `cannot read the configuration · ${errnoOf(error)} · ${path}`,
      {
        cause: error,
      },
    );
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) throw new TypeError("not an object");
    return pick(new Map(Object.entries(value)));
  } catch (cause) {
    throw new DuetError(
      "invalid",
      "CONFIG_INVALID",
      `cannot read the configuration · not a JSON object · ${path}`,
      {
        cause,
      },
    );
  }
}

/** Of the places where the daemon serves, the one for clients on this machine. */
function isSocket(host: unknown): host is string {
  return typeof host === "string" && /^(unix:\/\/)?\//.test(host);
}

function pick(values: ReadonlyMap<string, unknown>): ConfigFile {
  const text = (name: string): string | undefined => {
    const value = values.get(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const hosts: unknown = values.get("hosts");
  const host = text("host") ?? (Array.isArray(hosts) ? (hosts as unknown[]) : []).find(isSocket);
  const dataRoot = text("dataRoot") ?? text("data-root");
  const runDir = text("runDir") ?? text("run-dir");
  return {
    ...(isSocket(host) ? { host } : {}),
    ...(dataRoot === undefined ? {} : { dataRoot }),
    ...(runDir === undefined ? {} : { runDir }),
  };
}
