import { run } from "../../../../src/kit/subprocess.ts";
import {
  tidyError,
  wordsOf,
  type AskedBuild,
  type BuildsEngine,
  type Outcome,
} from "./asked-build.ts";
import { rootCommand, type BuildCase } from "./build-case.ts";

/** What the classic builder has no word for, or which means something of BuildKit's there. */
const buildKitOnly =
  /--mount|--network|--security|--link|--chmod|--exclude|--parents|--checksum|--keep-git-dir|--unpack|<<|--from=(?:more|context)|FROM more|--start-interval|syntax=|check=/i;

/**
 * The part of a case that the classic builder is told of: of its stages the first and the last, on that. Others it builds,
 * and counts, where nothing needs them.
 */
export function classicCase(build: BuildCase): BuildCase {
  const [root, ...others] = build.stages;
  const last = others.findLast(({ from }) => /base\b|IMG/i.test(from));
  const stages = [root!, ...(last === undefined ? [] : [last])];
  return {
    ...build,
    head: build.head.filter((line) => !buildKitOnly.test(line)),
    target: "",
    stages: stages.map(({ from, lines }) => ({
      from,
      lines: lines.filter((line) => !buildKitOnly.test(line)),
    })),
  };
}

/**
 * Builds by the classic builder, as `docker build` does where BuildKit is turned off; anew where what is said is not to
 * depend on builds before.
 */
export async function askClassic(
  engine: BuildsEngine,
  client: string,
  asked: AskedBuild,
  isAnew: boolean,
  signal: AbortSignal,
): Promise<Outcome> {
  const anew = isAnew ? ["--no-cache"] : [];
  const env = {
    DOCKER_HOST: `unix://${engine.socket}`,
    DOCKER_CONFIG: engine.settings,
    DOCKER_BUILDKIT: "0",
  };
  const result = await run(client, ["build", ...anew, ...wordsOf(engine, asked)], {
    ...{ signal, env, okCodes: "any" },
  });
  const lines = result.stdout
    .toString()
    .replaceAll(rootCommand, "ROOT")
    // Each piece of an output as it comes.
    .replaceAll(/\u001B\[0m(?:\u001B\[91m)?/g, "")
    .split("\n")
    // The client's own line, and those of containers and images between, of which Duet has none.
    .filter((line) => !/^Sending build context| ---> [0-9a-f]{12}$|^ ---> Running in /.test(line))
    .filter((line) => !/^ ---> Removed intermediate container|^Removing intermediate/.test(line))
    .map((line) => line.replace(/^(Successfully built) [0-9a-f]{12}$/, "$1"));
  const errors = result.stderr
    .split("\n")
    .filter(
      (line) =>
        !/^DEPRECATED|^\s+(?:Install the buildx|BuildKit is|environment-variable)|^\s*https:/.test(
          line,
        ),
    );
  return {
    ...(result.code === 0
      ? {}
      : { error: tidyError(errors.join("\n")).replace(/^Error response from daemon: /, "") }),
    warnings: [],
    steps: [],
    said: lines.join("\n").trim(),
  };
}
