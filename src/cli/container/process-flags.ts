import type { FlagSpec } from "../flags.ts";

export const interactiveFlag: FlagSpec = {
  name: "interactive",
  short: "i",
  kind: "boolean",
  summary: "Keep STDIN open even if not attached",
};

export const terminalFlag: FlagSpec = {
  name: "tty",
  short: "t",
  kind: "boolean",
  summary: "Allocate a pseudo-TTY",
};

export const userFlag: FlagSpec = {
  name: "user",
  short: "u",
  kind: "string",
  summary: "Username or UID (format: <name|uid>[:<group|gid>])",
};

export const workingDirectoryFlag: FlagSpec = {
  name: "workdir",
  short: "w",
  kind: "string",
  summary: "Working directory inside the container",
};

export const environmentFlags: readonly FlagSpec[] = [
  { name: "env", short: "e", kind: "list", summary: "Set environment variables" },
  {
    name: "env-file",
    kind: "list",
    summary: "Read in a file of environment variables",
    completes: "files",
  },
];

/** What runs inside, and the container as an object. */
export const processFlags: readonly FlagSpec[] = [
  {
    name: "isolation",
    kind: "string",
    summary: "How it is isolated: container (namespaces) or vm (own kernel)",
    completes: ["container", "vm"],
  },
  { name: "name", kind: "string", summary: "Assign a name to the container" },
  interactiveFlag,
  terminalFlag,
  {
    name: "attach",
    short: "a",
    kind: "list",
    summary: "Attach to STDIN, STDOUT or STDERR",
    completes: ["stdin", "stdout", "stderr"],
  },
  ...environmentFlags,
  userFlag,
  workingDirectoryFlag,
  { name: "entrypoint", kind: "string", summary: "Overwrite the default ENTRYPOINT of the image" },
  { name: "hostname", short: "h", kind: "string", summary: "Container host name" },
  { name: "domainname", kind: "string", summary: "Container NIS domain name" },
  {
    name: "init",
    kind: "boolean",
    summary: "Run an init inside the container that forwards signals and reaps processes",
  },
  { name: "label", short: "l", kind: "list", summary: "Set meta data on a container" },
  {
    name: "label-file",
    kind: "list",
    summary: "Read in a line delimited file of labels",
    completes: "files",
  },
  {
    name: "annotation",
    kind: "list",
    value: "map",
    summary: "Add an annotation to the container (passed through to the OCI runtime)",
  },
  {
    name: "restart",
    kind: "string",
    default: "no",
    summary: "Restart policy to apply when a container exits",
    completes: ["no", "always", "on-failure", "unless-stopped"],
  },
  {
    name: "rm",
    kind: "boolean",
    summary: "Automatically remove the container and its anonymous volumes when it exits",
  },
  { name: "stop-signal", kind: "string", summary: "Signal to stop the container" },
  { name: "stop-timeout", kind: "integer", summary: "Timeout (in seconds) to stop a container" },
  {
    name: "cidfile",
    kind: "string",
    summary: "Write the container ID to the file",
    completes: "files",
  },
  { name: "platform", kind: "string", summary: "Set platform if server is multi-platform capable" },
  {
    name: "pull",
    kind: "string",
    default: "missing",
    summary: 'Pull image before running ("always", "missing", "never")',
    completes: ["always", "missing", "never"],
  },
  { name: "quiet", short: "q", kind: "boolean", summary: "Suppress the pull output" },
  { name: "runtime", kind: "string", summary: "Runtime to use for this container" },
  {
    name: "log-driver",
    kind: "string",
    summary: "Logging driver for the container",
    completes: ["json-file", "local", "none"],
  },
  { name: "log-opt", kind: "list", summary: "Log driver options" },
  { name: "health-cmd", kind: "string", summary: "Command to run to check health" },
  {
    name: "health-interval",
    kind: "duration",
    summary: "Time between running the check (ms|s|m|h)",
  },
  {
    name: "health-retries",
    kind: "integer",
    summary: "Consecutive failures needed to report unhealthy",
  },
  {
    name: "health-start-interval",
    kind: "duration",
    summary: "Time between running the check during the start period",
  },
  { name: "health-start-period", kind: "duration", summary: "Start period before failures count" },
  { name: "health-timeout", kind: "duration", summary: "Maximum time to allow one check to run" },
  {
    name: "no-healthcheck",
    kind: "boolean",
    summary: "Disable any container-specified HEALTHCHECK",
  },
  {
    name: "disable-content-trust",
    kind: "boolean",
    summary: "Taken for Docker's sake",
    hidden: true,
  },
];
