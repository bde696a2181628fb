import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RunResult } from "../../../src/kit/subprocess.ts";
import type { DockerClients } from "../clients.ts";
import { clientsOfFile } from "../shared.ts";

/** A folder with files to build, and the newest client of Docker beside it. */
export interface Project {
  readonly folder: string;
  readonly client: DockerClients;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** `docker build ARGS .` in the folder with plain progress; both outputs, where it succeeds. */
  build(...args: string[]): Promise<string>;
  /** The same with any exit code. */
  attempt(args: readonly string[], input?: string | Uint8Array): Promise<RunResult>;
}

export async function makeProject(files: Readonly<Record<string, string>>): Promise<Project> {
  const client = await clientsOfFile("newest");
  const folder = await mkdtemp(join(client.daemon.folder, "project-"));
  const words = ["build", "--progress=plain"];
  const project: Project = {
    folder,
    client,
    write: async (written) => {
      for (const [name, content] of Object.entries(written)) {
        const path = join(folder, name);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content);
      }
    },
    build: async (...args) => {
      const result = await client.succeed([...words, ...args, "."], { cwd: folder });
      return `${result.stdout.toString()}${result.stderr}`;
    },
    attempt: (args, input) =>
      client.attempt([...words, ...args], {
        cwd: folder,
        ...(input === undefined ? {} : { input }),
      }),
  };
  await project.write(files);
  return project;
}
