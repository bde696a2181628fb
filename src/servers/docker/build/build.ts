import { parseDockerfile } from "../../../domain/build/dockerfile.ts";
import { LineError } from "../../../domain/build/dockerfile-error.ts";
import type { BuildEvent } from "../../../domain/build/event.ts";
import type { ContextTree } from "../../../domain/build/files.ts";
import { StepFailure } from "../../../domain/build/step-failure.ts";
import { familiarReference, parseReference } from "../../../domain/reference.ts";
import type { RegistryCredentials } from "../../../domain/registry.ts";
import type { BuildClient, BuildRequest } from "../../../engine/build/build.ts";
import { GitCommits } from "../../../engine/build/git-commits.ts";
import { prefixed, toDuetError } from "../../../kit/errors.ts";
import { authConfig } from "../../../spec/docker/bodies.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, messageOf, notFound } from "../failures.ts";
import { ProgressStream } from "../images/progress.ts";
import { credentialsOf } from "../registry-auth.ts";
import { readShape } from "../read-shape.ts";
import { parseBoundedJson } from "../strict-json.ts";
import { bodyContext, remoteContext } from "./context.ts";
import { classicLines, unusedArguments } from "./lines.ts";
import { readClassicOptions, type ClassicOptions } from "./options.ts";
import { ClassicText } from "./text.ts";

/** `POST /build`, version 1: what Docker's classic builder does, by the engine's one solver. */
export async function buildImage(exchange: Exchange): Promise<void> {
  const options = readClassicOptions(exchange);
  await using run = new ClassicBuild(exchange, options);
  await run.build();
}

class ClassicBuild implements AsyncDisposable {
  private readonly exchange: Exchange;
  private readonly options: ClassicOptions;
  private readonly stream: ProgressStream;
  private readonly commits = new GitCommits();
  private tree: ContextTree | null = null;
  private text: ClassicText | null = null;

  constructor(exchange: Exchange, options: ClassicOptions) {
    this.exchange = exchange;
    this.options = options;
    this.stream = new ProgressStream(exchange);
  }

  async build(): Promise<void> {
    const { engine, body, signal } = this.exchange;
    const { dockerfile: path, remote } = this.options;
    const context =
      remote === ""
        ? await bodyContext(engine, body, path, signal)
        : await remoteContext(engine, { remote, commits: this.commits }, path, signal);
    this.tree = context.tree;
    const content = context.dockerfile;
    if (content.length === 0) throw invalid(`the Dockerfile (${path}) cannot be empty`);
    const request = { ...this.options.request, dockerfile: { name: path, content } };
    await this.stream.run(() => this.solve(request));
  }

  private async solve(request: BuildRequest): Promise<void> {
    const { engine, signal } = this.exchange;
    const { names, isQuiet } = this.options;
    const file = parsed(request.dockerfile);
    const client: BuildClient = {
      ...this.client(),
      planned: (planned) => {
        const lines = classicLines(file, planned, request.labels);
        this.text = new ClassicText(lines, (text) => this.say(text));
      },
    };
    try {
      await using result = await engine.build.solve(request, client, signal);
      this.text?.end();
      const options = { names, annotations: {}, attestations: [] };
      const { image } = await engine.build.store([result], options, signal);
      if (isQuiet) {
        this.stream.send({ stream: `${image.id}\n` });
        return;
      }
      this.stream.send({ aux: { ID: image.id } });
      const unused = unusedArguments(file, request.buildArguments);
      if (unused.length > 0) {
        const shown = unused.join(" ");
        this.say(`[Warning] One or more build-args [${shown}] were not consumed\n`);
      }
      this.say(`Successfully built ${image.id.slice("sha256:".length, "sha256:".length + 12)}\n`);
      for (const name of names) this.say(`Successfully tagged ${taggedName(name)}\n`);
    } catch (error) {
      // Of what was found before there are steps the whole call tells.
      if (signal.aborted || this.text === null) throw error;
      this.text.end();
      this.fail(error);
    }
  }

  private say(text: string): void {
    if (!this.options.isQuiet) this.stream.send({ stream: text });
  }

  /** Tells of the failure in the stream: of a process by its code, as clients look for it. */
  private fail(error: unknown): void {
    if (!(error instanceof StepFailure) || error.exitCode === null) {
      const known = toDuetError(error);
      const verb =
        error instanceof StepFailure ? /\] (?:ONBUILD )?(\w+)/.exec(error.step)?.[1] : "";
      const isMissing = known.code === "SOURCE_NOT_FOUND" && verb !== undefined;
      const isOfContext = !(error instanceof StepFailure && / --from=/i.test(error.step));
      const message = isMissing ? missingText(verb, known.message, isOfContext) : messageOf(known);
      this.stream.send({ errorDetail: { message }, error: message });
      return;
    }
    const code = error.exitCode;
    const message = `The command '${error.argv.join(" ")}' returned a non-zero code: ${code}`;
    this.stream.send({ errorDetail: { code, message }, error: message });
  }

  private client(): BuildClient {
    const credentials = registryConfig(this.exchange.headers["x-registry-config"]);
    return {
      context: async (name) => {
        const { tree } = this;
        if (name !== "" || tree === null) {
          throw notFound("CONTEXT_NOT_FOUND", `there is no build context ${JSON.stringify(name)}`);
        }
        // From here on it is the engine's to end.
        this.tree = null;
        return tree;
      },
      secret: () => Promise.resolve(undefined),
      ssh: () => Promise.resolve(undefined),
      commits: this.commits,
      credentials: (host) => Promise.resolve(credentials(host)),
      tell: (event: BuildEvent) => this.text?.tell(event),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tree?.[Symbol.asyncDispose]();
  }
}

/** In Docker's words: what was found before instructions are read is told with the file's name. */
function parsed({ name, content }: BuildRequest["dockerfile"]): ReturnType<typeof parseDockerfile> {
  try {
    return parseDockerfile(content);
  } catch (error) {
    throw error instanceof LineError ? prefixed(`failed to parse ${name}`, error) : error;
  }
}

/** In the classic builder's words. */
function missingText(verb: string, message: string, isOfContext: boolean): string {
  const path = /^"\/?(.*)": not found$/.exec(message)?.[1];
  if (path === undefined) return `${verb} failed: ${message}`;
  const where = isOfContext ? "file not found in build context or excluded by .dockerignore: " : "";
  return `${verb} failed: ${where}stat ${path}: file does not exist`;
}

function taggedName(name: string): string {
  return familiarReference(parseReference(name));
}

/** The header X-Registry-Config: base64url of AuthConfigs by registry. As in Docker, one that cannot be read is none. */
function registryConfig(
  header: string | readonly string[] | undefined,
): (host: string) => RegistryCredentials | null {
  const found = new Map<string, RegistryCredentials>();
  try {
    const text = typeof header === "string" ? header : "";
    const value = text === "" ? {} : parseBoundedJson(Buffer.from(text, "base64url"));
    for (const [key, auth] of Object.entries(value ?? {})) {
      const credentials = credentialsOf(readShape(authConfig, auth));
      const host = key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
      if (credentials !== null)
        found.set(host === "index.docker.io" ? "docker.io" : host, credentials);
    }
  } catch {
    /* As if it were not there. */
  }
  return (host) => found.get(host) ?? null;
}
