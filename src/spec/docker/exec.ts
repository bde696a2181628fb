// Made from description/exec.ts by `npm run fix`: change it there.

/** `POST /containers/{id}/exec`. */
export interface ExecCreateBody {
  User?: string;
  Privileged?: boolean;
  Tty?: boolean;
  /** From API 1.42 on. */
  ConsoleSize?: number[];
  AttachStdin?: boolean;
  AttachStderr?: boolean;
  AttachStdout?: boolean;
  DetachKeys?: string;
  /** Read at start only. */
  Detach?: boolean;
  /** From API 1.25 on. */
  Env?: string[];
  /** From API 1.35 on. */
  WorkingDir?: string;
  Cmd?: string[];
}

/** `POST /exec/{id}/start`. */
export interface ExecStartBody {
  Detach?: boolean;
  Tty?: boolean;
  /** From API 1.42 on. */
  ConsoleSize?: number[];
}

/** What an exec runs. */
export interface ExecProcess {
  tty: boolean;
  entrypoint: string;
  arguments: string[];
  privileged?: boolean;
  user?: string;
}

/** `GET /exec/{id}/json`. */
export interface ExecInspect {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: ExecProcess;
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  /** In base64. */
  DetachKeys: string;
  Pid: number;
}

/** The answer of what makes one object and has nothing else to say. */
export interface IdAnswer {
  Id: string;
}
