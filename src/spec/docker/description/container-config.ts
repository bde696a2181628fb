import type { ModuleDescription } from "./form.ts";

/** What runs in a container: of `POST /containers/create`, `POST /commit`, and of both inspects. */
export const containerConfig: ModuleDescription = {
  HealthConfig: {
    about: "How a container is asked whether it works. Durations in nanoseconds.",
    fields: {
      Test: "string[]?",
      Interval: "int64? — Nanoseconds.",
      Timeout: "int64?",
      StartPeriod: "int64?",
      StartInterval: "int64? since 1.44",
      Retries: "int?",
    },
  },
  ContainerConfig: {
    about: "What does not depend on the host.",
    fields: {
      Hostname: "string",
      Domainname: "string",
      User: "string",
      AttachStdin: "bool",
      AttachStdout: "bool",
      AttachStderr: "bool",
      ExposedPorts: "{struct}?",
      Tty: "bool",
      OpenStdin: "bool",
      StdinOnce: "bool",
      Env: "string[]",
      Cmd: "words | null",
      Healthcheck: "HealthConfig?",
      ArgsEscaped: "bool?",
      Image: "string",
      Volumes: "{struct} | null",
      WorkingDir: "string",
      Entrypoint: "words | null",
      NetworkDisabled: "bool?",
      MacAddress: "string?",
      OnBuild: "string[]? | null",
      Labels: "{string}",
      StopSignal: "string?",
      StopTimeout: "int? — Seconds.",
      Shell: "words?",
    },
  },
};
