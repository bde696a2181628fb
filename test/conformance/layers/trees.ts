import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";

/** What is at one path, by the kernel; one that is not there has no keys. */
export type Facts = Readonly<Record<string, unknown>>;
export type Tree = Readonly<Record<string, Facts>>;

/** Looks at layers through an overlay of its own, in another language and by no part of Duet. */
export class Walker implements AsyncDisposable {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private readonly empty: string;

  constructor(empty: string) {
    this.empty = empty;
    const script = join(import.meta.dirname, "walk.py");
    this.child = spawn("unshare", ["--mount", "python3", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.reader = createInterface({ input: this.child.stdout! });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** `lower`: absolute paths of the layers' folders, the topmost first. */
  async look(lower: readonly string[]): Promise<Tree> {
    this.child.stdin!.write(`${JSON.stringify({ lower, empty: this.empty })}\n`);
    const line = await this.lines.next();
    if (line.done === true) throw new Error("the walker has ended");
    const tree = JSON.parse(line.value) as Tree & { readonly failure?: string };
    if (typeof tree.failure === "string") throw new Error(`walk.py: ${tree.failure}`);
    return tree;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.stdin!.end();
    await ended;
    this.reader.close();
  }
}

/** Folders of an image's layers as Duet keeps them below `data`, the topmost first; what an opaque root hides left out. */
export async function layersOfDuet(data: string, chain: string): Promise<string[]> {
  const folder = join(data, "snapshots");
  const folders: string[] = [];
  for (let at: string | null = chain; at !== null;) {
    const file = join(folder, "committed", at.slice("sha256:".length));
    const record = JSON.parse(await readFile(file, "utf8")) as {
      readonly folder: string;
      readonly parent: string | null;
      readonly rootOpaque?: boolean;
    };
    folders.push(join(folder, "l", record.folder));
    at = record.rootOpaque === true ? null : record.parent;
  }
  return folders;
}

/** What an image's inspect says of Docker's storage overlay2. */
export interface GraphDriver {
  readonly Name: string;
  readonly Data: { readonly LowerDir?: string; readonly UpperDir: string };
}

export function layersOfDocker({ Data }: GraphDriver): string[] {
  return [Data.UpperDir, ...(Data.LowerDir?.split(":") ?? [])];
}
