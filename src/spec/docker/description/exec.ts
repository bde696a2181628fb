import type { ModuleDescription } from "./form.ts";

export const exec: ModuleDescription = {
  ExecCreateBody: {
    about: "`POST /containers/{id}/exec`.",
    go: "ExecOptions",
    fields: {
      User: "string?",
      Privileged: "bool?",
      Tty: "bool?",
      ConsoleSize: "uint[]? since 1.42",
      AttachStdin: "bool?",
      AttachStderr: "bool?",
      AttachStdout: "bool?",
      DetachKeys: "string?",
      Detach: "bool? — Read at start only.",
      Env: "string[]? since 1.25",
      WorkingDir: "string? since 1.35",
      Cmd: "string[]?",
    },
  },
  ExecStartBody: {
    about: "`POST /exec/{id}/start`.",
    go: "ExecStartOptions",
    fields: { Detach: "bool?", Tty: "bool?", ConsoleSize: "uint[]? since 1.42" },
  },
  ExecProcess: {
    about: "What an exec runs.",
    fields: {
      tty: "bool",
      entrypoint: "string",
      arguments: "string[]",
      privileged: "bool?",
      user: "string?",
    },
  },
  ExecInspect: {
    about: "`GET /exec/{id}/json`.",
    fields: {
      ID: "string",
      Running: "bool",
      ExitCode: "int | null",
      ProcessConfig: "ExecProcess",
      OpenStdin: "bool",
      OpenStderr: "bool",
      OpenStdout: "bool",
      CanRemove: "bool",
      ContainerID: "string",
      DetachKeys: "string — In base64.",
      Pid: "int",
    },
  },
  IdAnswer: {
    about: "The answer of what makes one object and has nothing else to say.",
    fields: { Id: "string" },
  },
};
