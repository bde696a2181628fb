import type { ContainerCreateBody, HealthConfig } from "../../client/api-types.ts";
import { compact } from "../../client/container-options.ts";
import { usageError, type Flags, type FlagSpec } from "../flags.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { hostConfigOf } from "./host-config.ts";
import { environmentOf, labelsOf } from "./key-values.ts";
import { volumesOf } from "./mount-option.ts";
import { networkFlags } from "./network-flags.ts";
import { networkingOf } from "./networking.ts";
import { some, someKeys } from "./present.ts";
import { processFlags } from "./process-flags.ts";
import { publishedPorts } from "./publish-option.ts";
import { resourceFlags } from "./resource-flags.ts";
import { securityFlags } from "./security-flags.ts";

/** The flags that `run` and `create` share. */
export const createFlags: readonly FlagSpec[] = [
  ...processFlags,
  ...resourceFlags,
  ...networkFlags,
  ...securityFlags,
];

/**
 * The body of `POST /containers/create` for a command line. Absent keys mean "as the image or the
 * daemon says". Throws `invalid` for what cannot be understood.
 */
export function createBody(
  flags: Flags,
  image: string,
  command: readonly string[],
  terminal: Terminal,
): ContainerCreateBody {
  const attach = attachments(flags);
  const { exposed } = publishedPorts(flags.list("publish"), flags.list("expose"));
  const { anonymous } = volumesOf(flags.list("volume"));
  const entrypoint = flags.string("entrypoint");
  const text = (name: string): string | undefined =>
    flags.has(name) ? flags.string(name) : undefined;
  const networking = networkingOf(flags);
  return compact<ContainerCreateBody>({
    Image: image,
    Cmd: command.length === 0 ? undefined : [...command],
    Entrypoint: entrypoint === undefined ? undefined : [entrypoint],
    Env: some(environmentOf(flags.list("env"), flags.list("env-file"))),
    User: text("user"),
    WorkingDir: text("workdir"),
    Hostname: text("hostname"),
    Domainname: text("domainname"),
    Labels: labelsOf(flags.list("label"), flags.list("label-file")),
    Tty: flags.boolean("tty"),
    OpenStdin: flags.boolean("interactive"),
    StdinOnce: attach.stdin,
    AttachStdin: attach.stdin,
    AttachStdout: attach.stdout,
    AttachStderr: attach.stderr,
    ExposedPorts: someKeys(exposed),
    Volumes: someKeys(anonymous),
    StopSignal: text("stop-signal"),
    StopTimeout: flags.integer("stop-timeout"),
    MacAddress: text("mac-address"),
    Healthcheck: healthOf(flags),
    HostConfig: hostConfigOf(flags, terminal),
    NetworkingConfig: networking,
  });
}

export interface Attachments {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Which streams the caller wants: `-a`, or else all outputs and with `-i` the input; none with `-d`. */
export function attachments(flags: Flags, detached = false): Attachments {
  const words = flags.list("attach").map((word) => word.toLowerCase());
  const unknown = words.find((word) => !["stdin", "stdout", "stderr"].includes(word));
  if (unknown !== undefined) {
    throw usageError(
      "BAD_ATTACH",
      `invalid argument "${unknown}" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR`,
    );
  }
  if (detached) return { stdin: false, stdout: false, stderr: false };
  if (words.length === 0)
    return { stdin: flags.boolean("interactive"), stdout: true, stderr: true };
  return {
    stdin: words.includes("stdin") && flags.boolean("interactive"),
    stdout: words.includes("stdout"),
    stderr: words.includes("stderr"),
  };
}

const nanoseconds = 1_000_000;

function healthOf(flags: Flags): HealthConfig | undefined {
  const names = [
    "health-cmd",
    "health-interval",
    "health-retries",
    "health-start-interval",
    "health-start-period",
    "health-timeout",
  ];
  const given = names.some((name) => flags.has(name));
  if (flags.boolean("no-healthcheck")) {
    if (given) throw usageError("BAD_HEALTH", "--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!given) return undefined;
  const span = (name: string): number | undefined => {
    const value = flags.duration(name);
    return value === undefined ? undefined : Math.round(value * nanoseconds);
  };
  const test = flags.string("health-cmd");
  return compact<HealthConfig>({
    Test: test === undefined ? undefined : ["CMD-SHELL", test],
    Interval: span("health-interval"),
    Timeout: span("health-timeout"),
    StartPeriod: span("health-start-period"),
    StartInterval: span("health-start-interval"),
    Retries: flags.integer("health-retries"),
  });
}
