import type {
  ContainerConfig,
  ContainerCreateBody,
  EndpointSettings,
  HealthConfig,
  NetworkingConfig,
} from "../../../spec/docker/container.ts";
import { compact, Fields } from "../fields.ts";
import { readHostConfig } from "./host-config-body.ts";

/** Reads the body of `POST /containers/create`; what is absent stays absent. */
export function readCreateBody(value: unknown): ContainerCreateBody {
  const fields = Fields.of(value, "");
  return {
    ...readConfig(fields),
    HostConfig: fields.object("HostConfig", readHostConfig) ?? {},
    NetworkingConfig: fields.object("NetworkingConfig", readNetworkingConfig) ?? {},
  };
}

export function readConfig(fields: Fields): ContainerConfig {
  return compact<ContainerConfig>({
    Hostname: fields.text("Hostname"),
    Domainname: fields.text("Domainname"),
    User: fields.text("User"),
    AttachStdin: fields.flag("AttachStdin"),
    AttachStdout: fields.flag("AttachStdout"),
    AttachStderr: fields.flag("AttachStderr"),
    ExposedPorts: fields.map("ExposedPorts", () => ({})),
    Tty: fields.flag("Tty"),
    OpenStdin: fields.flag("OpenStdin"),
    StdinOnce: fields.flag("StdinOnce"),
    Env: fields.texts("Env"),
    Cmd: fields.words("Cmd"),
    Healthcheck: fields.object("Healthcheck", readHealthcheck),
    ArgsEscaped: fields.flag("ArgsEscaped"),
    Image: fields.text("Image"),
    Volumes: fields.map("Volumes", () => ({})),
    WorkingDir: fields.text("WorkingDir"),
    Entrypoint: fields.words("Entrypoint"),
    NetworkDisabled: fields.flag("NetworkDisabled"),
    MacAddress: fields.text("MacAddress"),
    OnBuild: fields.texts("OnBuild"),
    Labels: fields.textMap("Labels"),
    StopSignal: fields.text("StopSignal"),
    StopTimeout: fields.integer("StopTimeout"),
    Shell: fields.words("Shell"),
  });
}

function readHealthcheck(fields: Fields): HealthConfig {
  return compact<HealthConfig>({
    Test: fields.texts("Test"),
    Interval: fields.integer("Interval"),
    Timeout: fields.integer("Timeout"),
    StartPeriod: fields.integer("StartPeriod"),
    StartInterval: fields.integer("StartInterval"),
    Retries: fields.integer("Retries"),
  });
}

function readNetworkingConfig(fields: Fields): NetworkingConfig {
  return compact<NetworkingConfig>({
    EndpointsConfig: fields.map("EndpointsConfig", (value, path) =>
      value === null ? {} : readEndpoint(Fields.of(value, path)),
    ),
  });
}

/** The part of EndpointSettings that a client may ask for; what the daemon fills in is dropped. */
export function readEndpoint(fields: Fields): EndpointSettings {
  return compact<EndpointSettings>({
    IPAMConfig: fields.object("IPAMConfig", (ipam) =>
      compact({
        IPv4Address: ipam.text("IPv4Address"),
        IPv6Address: ipam.text("IPv6Address"),
        LinkLocalIPs: ipam.texts("LinkLocalIPs"),
      }),
    ),
    Links: fields.texts("Links"),
    Aliases: fields.texts("Aliases"),
    MacAddress: fields.text("MacAddress"),
    DriverOpts: fields.textMap("DriverOpts"),
    GwPriority: fields.integer("GwPriority"),
  });
}
