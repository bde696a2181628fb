import type { Healthcheck } from "../image.ts";
import type { Heredoc } from "./heredoc.ts";
import type { Pair } from "./instruction-text.ts";
import type { SourceRange } from "./source-range.ts";

/** Words as the Dockerfile has them: variables and quotes are still in them, but where said otherwise. */
export type Instruction =
  | FromInstruction
  | ArgInstruction
  | RunInstruction
  | CopyInstruction
  | EnvInstruction
  | CommandInstruction
  | HealthcheckInstruction
  | ExposeInstruction
  | VolumeInstruction
  | WordInstruction
  | MaintainerInstruction
  | ShellInstruction
  | TriggerInstruction;

interface Placed {
  readonly range: SourceRange;
  /** Its text without here-documents, continued lines joined. */
  readonly text: string;
  /** The name as it is written. */
  readonly word: string;
  readonly comments: readonly string[];
}

export interface FromInstruction extends Placed {
  readonly kind: "FROM";
  readonly base: string;
  /** In lower case; null where it has none. */
  readonly stage: string | null;
  /** `as` and the name as they are written. */
  readonly written: { readonly as: string; readonly stage: string } | null;
  readonly platform: string;
}

export interface ArgInstruction extends Placed {
  readonly kind: "ARG";
  readonly parameters: readonly { readonly name: string; readonly value: string | null }[];
}

/** What a shell or the kernel is given to run. */
export interface CommandLine {
  /** One text for the shell, or all words of the JSON form. */
  readonly words: readonly string[];
  readonly isShell: boolean;
}

export interface RunInstruction extends Placed {
  readonly kind: "RUN";
  readonly command: CommandLine;
  readonly heredocs: readonly Heredoc[];
  readonly mounts: readonly string[];
  readonly network: "default" | "none" | "host" | null;
  readonly security: "sandbox" | "insecure";
}

export interface CopyInstruction extends Placed {
  readonly kind: "COPY" | "ADD";
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  readonly destination: string;
  /** Of COPY; "" for the build context. */
  readonly from: string;
  readonly chown: string;
  readonly chmod: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
  readonly checksum: string;
  /** null where nothing is said. */
  readonly keepGitFolder: boolean | null;
  readonly unpack: boolean | null;
}

export interface EnvInstruction extends Placed {
  readonly kind: "ENV" | "LABEL";
  readonly pairs: readonly Pair[];
}

export interface CommandInstruction extends Placed {
  readonly kind: "CMD" | "ENTRYPOINT";
  readonly command: CommandLine;
}

export interface HealthcheckInstruction extends Placed {
  readonly kind: "HEALTHCHECK";
  readonly check: Healthcheck;
}

export interface ExposeInstruction extends Placed {
  readonly kind: "EXPOSE";
  readonly ports: readonly string[];
}

export interface VolumeInstruction extends Placed {
  readonly kind: "VOLUME";
  readonly paths: readonly string[];
}

/** Those that take one text. */
export interface WordInstruction extends Placed {
  readonly kind: "WORKDIR" | "USER" | "STOPSIGNAL";
  readonly value: string;
}

export interface MaintainerInstruction extends Placed {
  readonly kind: "MAINTAINER";
  readonly value: string;
}

export interface ShellInstruction extends Placed {
  readonly kind: "SHELL";
  readonly shell: readonly string[];
}

export interface TriggerInstruction extends Placed {
  readonly kind: "ONBUILD";
  /** What is run in the stages that stand on this image, its here-documents with it. */
  readonly trigger: string;
}
