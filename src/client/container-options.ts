import type { ContainerCreateBody, HostConfig, Labels } from "./api-types.ts";

/** A container in the SDK's words; everything else goes through `body` in Docker's. */
export interface ContainerOptions {
  readonly image: string;
  /** `container` (default) or `vm`. */
  readonly isolation?: "container" | "vm";
  readonly name?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly env?: Labels;
  readonly labels?: Labels;
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly terminal?: boolean;
  /** Keeps standard input open for an attach. */
  readonly interactive?: boolean;
  /** `8080:80`, `127.0.0.1:53:53/udp`: host side, container side. */
  readonly ports?: Readonly<Record<string, string>>;
  readonly network?: string;
  /** `source:target[:ro]` each. */
  readonly volumes?: readonly string[];
  /** Bytes. */
  readonly memory?: number;
  readonly cpus?: number;
  readonly readOnly?: boolean;
  /** Removed by the daemon when it ends. */
  readonly autoRemove?: boolean;
  /** `os/architecture[/variant]`. */
  readonly platform?: string;
  /** Docker's own fields, which win over the above. */
  readonly body?: Omit<Partial<ContainerCreateBody>, "HostConfig">;
  readonly hostConfig?: HostConfig;
}

/** The body of `POST /containers/create` for these options. */
export function createBodyOf(options: ContainerOptions): ContainerCreateBody {
  const attached = options.interactive === true;
  const ports = Object.entries(options.ports ?? {});
  return compact<ContainerCreateBody>({
    Image: options.image,
    Cmd: options.command && [...options.command],
    Entrypoint: options.entrypoint && [...options.entrypoint],
    Env:
      options.env === undefined
        ? undefined
        : Object.entries(options.env).map(([key, value]) => `${key}=${value}`),
    Labels: options.labels,
    User: options.user,
    WorkingDir: options.workingDirectory,
    Tty: options.terminal,
    OpenStdin: attached ? true : undefined,
    StdinOnce: attached ? true : undefined,
    AttachStdin: attached ? true : undefined,
    ExposedPorts:
      ports.length === 0
        ? undefined
        : Object.fromEntries(ports.map(([, inside]) => [portOf(inside), {}])),
    HostConfig: hostConfigOf(options),
    ...options.body,
  });
}

function hostConfigOf(options: ContainerOptions): HostConfig {
  const bindings: Record<string, { HostIp?: string; HostPort: string }[]> = {};
  for (const [outside, inside] of Object.entries(options.ports ?? {})) {
    const colon = outside.lastIndexOf(":");
    const HostPort = outside.slice(colon + 1);
    (bindings[portOf(inside)] ??= []).push(
      colon < 0 ? { HostPort } : { HostIp: outside.slice(0, colon), HostPort },
    );
  }
  return compact<HostConfig>({
    Isolation: options.isolation,
    Binds: options.volumes && [...options.volumes],
    NetworkMode: options.network,
    Memory: options.memory,
    NanoCpus: options.cpus === undefined ? undefined : Math.round(options.cpus * 1e9),
    ReadonlyRootfs: options.readOnly,
    AutoRemove: options.autoRemove,
    PortBindings: Object.keys(bindings).length === 0 ? undefined : bindings,
    ...options.hostConfig,
  });
}

function portOf(inside: string): string {
  return inside.includes("/") ? inside : `${inside}/tcp`;
}

/** Without the keys whose value is undefined: an absent key means the daemon's default. */
export function compact<T extends object>(value: {
  readonly [Key in keyof T]: T[Key] | undefined;
}): T {
  return Object.fromEntries(Object.entries(value).filter((entry) => entry[1] !== undefined)) as T;
}
