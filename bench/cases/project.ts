import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineClient } from "../client.ts";
import type { BenchCase, CaseContext } from "./case.ts";
import { timeCase } from "./timed.ts";

const folders = 500;
const filesEach = 40;

const dockerfile = `FROM busybox
WORKDIR /app
COPY package ./
COPY . ./
RUN ls modules | wc -l > counted
`;

/** What one engine builds: folders of its own, so that no engine reads what another has just brought into memory. */
class Project {
  readonly name: string;
  private readonly client: EngineClient;
  private readonly parent: string;
  private count = 0;
  private folder = "";

  constructor(name: string, client: EngineClient, context: CaseContext) {
    this.name = name;
    this.client = client;
    this.parent = join(context.folder, "project", encodeURIComponent(name));
  }

  /** Files that no build has seen; what was before stays, since a file system is slow where files have just gone. */
  async renew(): Promise<void> {
    this.count += 1;
    this.folder = join(this.parent, String(this.count));
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, "Dockerfile"), dockerfile);
    await writeFile(join(this.folder, "package"), `all that ${this.name} needs, ${this.count}\n`);
    for (let index = 0; index < folders; index += 1) {
      const inside = join(this.folder, "modules", String(index));
      await mkdir(inside, { recursive: true });
      for (let file = 0; file < filesEach; file += 1) {
        const line = `line ${this.count} ${index} ${file}\n`;
        await writeFile(join(inside, `file-${file}`), line.repeat(100));
      }
    }
  }

  async change(): Promise<void> {
    this.count += 1;
    await writeFile(join(this.folder, "modules/0/file-0"), `changed ${this.count}\n`);
  }

  async build(): Promise<void> {
    await this.client.call("build", "--quiet", "--tag", "bench-large", this.folder);
  }
}

/** Builds of a project of 20,000 files, such as one with its packages: at first, again, and after a change. */
export const projectCase: BenchCase = {
  name: "project",
  needsNoContainers: true,
  run: async (context) => {
    const projects = context.engines.map(({ name, client }) => new Project(name, client, context));
    for (const project of projects) await project.renew();
    const title = `\`docker build\` of ${folders * filesEach} files`;
    const first = projects.map((project) => ({
      name: project.name,
      run: () => project.build(),
      reset: () => project.renew(),
    }));
    const again = projects.map((project) => ({ name: project.name, run: () => project.build() }));
    const changed = projects.map((project) => ({
      name: project.name,
      run: () => project.build(),
      reset: () => project.change(),
    }));
    return [
      await timeCase(context, `${title}, at first`, first, 1),
      await timeCase(context, `${title}, without a change`, again, 1),
      await timeCase(context, `${title}, after a change of one`, changed, 1),
    ];
  },
};
