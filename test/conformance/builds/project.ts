import type { Sample } from "../../kit/tar/samples.ts";

/** One file of a project: its text, or what else it is. */
export type ProjectFile =
  | string
  | {
      readonly text?: string;
      readonly mode?: number;
      /** Target of a symbolic link. */
      readonly link?: string;
      /** An empty folder. */
      readonly folder?: true;
      /** An archive of these members. */
      readonly tar?: readonly Sample[];
      readonly gzip?: true;
    };

/** A small project of a kind that many people have, with the Dockerfile that such a project has. */
export interface Project {
  readonly dockerfile: string;
  readonly files: Readonly<Record<string, ProjectFile>>;
  readonly arguments?: Readonly<Record<string, string>>;
  readonly target?: string;
}

/** When all files of all projects were written, in seconds since the epoch. */
export const writtenAt = 1_577_880_000;
