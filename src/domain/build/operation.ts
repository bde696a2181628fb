/** Where a step takes files from: the client's files by name ("" for the build context), a stage, an image, or nothing. */
export type FilesFrom =
  | { readonly kind: "context"; readonly name: string }
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "scratch" };

/** What a step does to the file system. Every word is expanded; nothing of the Dockerfile is left to be resolved. */
export type Operation = RunOperation | CopyOperation | WorkdirOperation;

/** RUN: one process in the root that the steps before have made. */
export interface RunOperation {
  readonly kind: "run";
  /** The shell included, where the instruction has the shell's form. */
  readonly argv: readonly string[];
  /**
   * Content of here-documents that the process finds as files, by name below `/dev/pipes/`; or none. BuildKit gives
   * a heredoc without a command to the shell as a script.
   */
  readonly files: readonly InlineFile[];
  /** `NAME=value`: the image's, then the stage's build arguments. */
  readonly env: readonly string[];
  /** Of `env`, names that do not count for the cache (the predefined proxy arguments). */
  readonly uncountedEnv: readonly string[];
  readonly workingDirectory: string;
  /** As in the image's configuration; "" for root. */
  readonly user: string;
  readonly mounts: readonly RunMount[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
}

export interface InlineFile {
  readonly name: string;
  readonly content: Buffer;
}

/** `RUN --mount=...`, with Docker's defaults filled in. */
export type RunMount =
  | {
      readonly kind: "bind";
      readonly from: FilesFrom;
      /** Path below `from`'s root. */
      readonly source: string;
      readonly target: string;
      /** Writes are thrown away with the step. */
      readonly writable: boolean;
    }
  | {
      readonly kind: "cache";
      readonly id: string;
      readonly target: string;
      readonly sharing: "shared" | "private" | "locked";
      readonly readonly: boolean;
      /** What a new cache begins with; null for an empty folder. */
      readonly from: FilesFrom | null;
      readonly source: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: "tmpfs";
      readonly target: string;
      /** Bytes; 0 for the default. */ readonly size: number;
    }
  | {
      readonly kind: "secret";
      readonly id: string;
      /** null where it is given as a variable only. */
      readonly target: string | null;
      /** Name of the variable; null where it is a file only. */
      readonly variable: string | null;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: "ssh";
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** COPY and ADD. */
export interface CopyOperation {
  readonly kind: "copy";
  readonly sources: readonly CopySource[];
  /** Absolute; a slash at its end says that it is a folder. */
  readonly destination: string;
  /** `user[:group]`, names or numbers, looked up in the stage's root; null for root, or the source's for ADD of archives. */
  readonly owner: string | null;
  /** Octal digits, or symbolic as chmod(1) has it; null keeps the source's. */
  readonly mode: string | null;
  /** A layer of its own, that does not look at the layers below. */
  readonly link: boolean;
  /** Keep the sources' folders, from the pivot `/./` on. */
  readonly parents: boolean;
  readonly exclude: readonly string[];
}

export type CopySource =
  | {
      readonly kind: "files";
      readonly from: FilesFrom;
      /** Pattern of Go's filepath.Match, relative to the root of `from`. */
      readonly path: string;
      /** Unpack it where it is an archive (ADD). */
      readonly unpack: boolean;
    }
  | { readonly kind: "inline"; readonly file: InlineFile }
  | {
      readonly kind: "url";
      readonly url: string;
      /** `sha256:...`, or null. */
      readonly checksum: string | null;
      readonly unpack: boolean;
    }
  | {
      readonly kind: "git";
      readonly url: string;
      /** Branch, tag or commit; "" for the remote's HEAD. */
      readonly ref: string;
      /** Folder below the repository's root; "" for all. */
      readonly subdirectory: string;
      readonly keepGitFolder: boolean;
      readonly submodules: boolean;
      /** A commit, or its beginning, that must be found; or null. */
      readonly checksum: string | null;
    };

/** WORKDIR: makes the folder where it is missing. */
export interface WorkdirOperation {
  readonly kind: "workdir";
  readonly path: string;
}
