import type { Sample } from "../../../kit/tar/samples.ts";

/** One file of a context. Parents that are not named are made. */
export type ContextFile = { readonly path: string; readonly mode: number } & (
  | { readonly kind: "file"; readonly text: string }
  | { readonly kind: "folder" }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "same"; readonly target: string }
  | { readonly kind: "archive"; readonly form: ArchiveForm; readonly members: readonly Sample[] }
);

export type ArchiveForm = "plain" | "gzip" | "bzip2" | "xz" | "zstd";

/** What becomes of the context between two builds. */
export interface Change {
  readonly path: string;
  readonly how: "text" | "mode" | "time" | "add" | "remove";
}

/** A build that is asked of both engines. */
export interface BuildCase {
  readonly files: readonly ContextFile[];
  readonly ignored: readonly string[];
  /** Lines before the first stage. */
  readonly head: readonly string[];
  readonly stages: readonly Stage[];
  readonly arguments: Readonly<Record<string, string>>;
  readonly target: string;
  readonly change: Change | null;
}

export interface Stage {
  readonly from: string;
  readonly lines: readonly string[];
}

/** Stands for the command `rootCommand`. */
export const rootLine = "RUN ROOT";

/** A root with all kinds of links and files in the way; one RUN, so that it is cached from case to case. */
export const rootCommand = [
  "mkdir -p /real/deep /sticky /priv /tree/a /tree/b; cd /",
  "ln -s real lnk; ln -s /real abs; ln -s nowhere dang; ln -s /no/where dang2; ln -s loop loop; ln -s ../../real up",
  "echo file > file; ln -s file flnk; ln file hardfile; echo in > real/in; echo p > priv/in; mkfifo fifo",
  "echo a > tree/a/one; ln tree/a/one tree/b/two; ln -s ../a/one tree/b/link; echo x > tree/.x",
  "echo user:x:41:42::/:/bin/sh >> etc/passwd; echo other:x:44:45::/:/bin/sh >> etc/passwd; echo grp:x:43: >> etc/group",
  "chmod 1777 sticky; chmod 700 priv; chown 3:4 real tree/a; chmod 2755 tree/a; chown 5:6 tree/a/one; chmod 4755 tree/a/one",
  "touch -h -d @1577880000 file real/in priv/in tree/.x tree/a/one tree/b/link lnk abs dang dang2 loop up flnk etc/passwd etc/group fifo",
].join("; ");

export function dockerfileOf(build: BuildCase): string {
  return linesOf(build)
    .map((line) => `${line === rootLine ? `RUN ${rootCommand}` : line}\n`)
    .join("");
}

/** The Dockerfile as it is printed, with the command for the root said briefly. */
export function linesOf({ head, stages }: BuildCase): readonly string[] {
  return [...head, ...stages.flatMap(({ from, lines }) => [from, ...lines])];
}
