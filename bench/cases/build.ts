import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineClient } from "../client.ts";
import type { CaseResult } from "../report.ts";
import type { Contestant } from "../timing.ts";
import type { BenchCase, CaseContext } from "./case.ts";
import { timeCase } from "./timed.ts";

const stages = 10;

/** A way to build: an engine, and for Docker's interface which of its two builders the client asks for. */
interface Builder {
  readonly name: string;
  readonly client: EngineClient;
  readonly flags: readonly string[];
}

/** Rebuilds and a build of ten stages, each by today's builder and by the classic one where there are both. */
export const buildCase: BenchCase = {
  name: "build",
  needsNoContainers: true,
  run: async (context) => {
    const folder = join(context.folder, "build");
    const builders = context.engines.flatMap((engine): readonly Builder[] => {
      const { name, client } = engine;
      // Podman and Buildah take one stage after the other unless they are told to take all at once.
      if (engine.kind === "podman" || engine.kind === "buildah")
        return [{ name, client, flags: ["--jobs=0"] }];
      const classic = client.with({ DOCKER_BUILDKIT: "0" });
      return [
        { name, client, flags: [] },
        { name: `${name}, classic`, client: classic, flags: [] },
      ];
    });
    return [
      await measure(context, "`docker build` without a change", builders, (builder) =>
        rebuild(folder, builder, false),
      ),
      await measure(context, "`docker build` after a change of one line", builders, (builder) =>
        rebuild(folder, builder, true),
      ),
      await measure(context, `\`docker build\` of ${stages} stages side by side`, builders, (one) =>
        parallel(folder, one),
      ),
    ];
  },
};

async function measure(
  context: CaseContext,
  title: string,
  builders: readonly Builder[],
  prepare: (builder: Builder) => Promise<() => Promise<void>>,
): Promise<CaseResult> {
  const contestants: Contestant[] = [];
  for (const builder of builders) {
    contestants.push({ name: builder.name, run: await prepare(builder) });
  }
  return await timeCase(context, title, contestants);
}

const project = `FROM busybox
WORKDIR /app
RUN for i in $(seq 100); do echo "package $i" > "/tmp/package-$i"; done
COPY manifest ./
RUN cat manifest > installed
COPY source ./source/
RUN cat source/* > built
ENV MODE=production
CMD ["cat", "built"]
`;

/** A project of 200 files, of which one changes before each build where that is wanted. */
async function rebuild(
  parent: string,
  { name, client, flags }: Builder,
  changes: boolean,
): Promise<() => Promise<void>> {
  const folder = join(parent, `${encodeURIComponent(name)}-${String(changes)}`);
  await mkdir(join(folder, "source"), { recursive: true });
  await writeFile(join(folder, "Dockerfile"), project);
  await writeFile(join(folder, "manifest"), "all that it needs\n");
  for (let index = 0; index < 200; index += 1) {
    await writeFile(join(folder, "source", `file-${index}`), `line ${index}\n`.repeat(100));
  }
  let round = 0;
  return async () => {
    round += 1;
    if (changes) await writeFile(join(folder, "source/file-0"), `changed ${round} for ${name}\n`);
    await client.call("build", ...flags, "--quiet", "--tag", "bench-project", folder);
  };
}

/** Stages that nothing makes wait for each other, and one that takes a file of each. */
async function parallel(
  parent: string,
  { name, client, flags }: Builder,
): Promise<() => Promise<void>> {
  const folder = join(parent, `${encodeURIComponent(name)}-stages`);
  await mkdir(folder, { recursive: true });
  let round = 0;
  return async () => {
    round += 1;
    const lines: string[] = [];
    for (let index = 0; index < stages; index += 1) {
      lines.push(
        `FROM busybox AS stage${index}`,
        `RUN sleep 0.2; echo ${round} ${name} > /made-${index}`,
      );
    }
    lines.push("FROM scratch");
    for (let index = 0; index < stages; index += 1) {
      lines.push(`COPY --from=stage${index} /made-${index} /`);
    }
    await writeFile(join(folder, "Dockerfile"), `${lines.join("\n")}\n`);
    await client.call("build", ...flags, "--quiet", "--tag", "bench-stages", folder);
  };
}
