import type { Healthcheck, ImageProcess } from "../../../domain/image.ts";
import type { ContainerConfig, HealthConfig } from "../../../spec/docker/container.ts";
import type { ImageConfig } from "../../../spec/docker/image.ts";

export function encodeHealthcheck(check: Healthcheck): HealthConfig {
  return {
    Test: [...check.test],
    ...(check.interval > 0 ? { Interval: check.interval } : {}),
    ...(check.timeout > 0 ? { Timeout: check.timeout } : {}),
    ...(check.startPeriod > 0 ? { StartPeriod: check.startPeriod } : {}),
    ...(check.startInterval > 0 ? { StartInterval: check.startInterval } : {}),
    ...(check.retries > 0 ? { Retries: check.retries } : {}),
  };
}

const keySet = (keys: readonly string[]): Record<string, object> =>
  Object.fromEntries(keys.map((key) => [key, {}]));

/** What Go shows of a container's config in which nothing is set. */
export const emptyConfig = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
} as unknown as ContainerConfig;

/** An image's config as `docker image inspect` shows it. */
export function encodeImageConfig(process: ImageProcess): ImageConfig {
  return {
    Hostname: "",
    Domainname: "",
    User: process.user,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(process.exposedPorts.length > 0 ? { ExposedPorts: keySet(process.exposedPorts) } : {}),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: process.env.length > 0 ? [...process.env] : null,
    Cmd: process.command === null ? null : [...process.command],
    ...(process.healthcheck === null
      ? {}
      : { Healthcheck: encodeHealthcheck(process.healthcheck) }),
    Image: "",
    Volumes: process.volumes.length > 0 ? keySet(process.volumes) : null,
    WorkingDir: process.workingDirectory,
    Entrypoint: process.entrypoint === null ? null : [...process.entrypoint],
    OnBuild: process.onBuild.length > 0 ? [...process.onBuild] : null,
    Labels: Object.keys(process.labels).length > 0 ? { ...process.labels } : null,
    ...(process.stopSignal === "" ? {} : { StopSignal: process.stopSignal }),
    ...(process.shell === null ? {} : { Shell: [...process.shell] }),
  };
}
