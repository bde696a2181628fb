import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { buffer, text } from "node:stream/consumers";
import { TestDaemon } from "../../e2e/daemon.ts";
import { imageArchive, loadImages } from "../../e2e/images.ts";
import { projectArchive } from "./context.ts";
import { imageFacts, type ImageFacts } from "./listing.ts";
import type { Project } from "./project.ts";
import { projects } from "./projects.ts";

/** What Docker made of the projects, by record.ts. */
const recorded = JSON.parse(
  readFileSync(new URL("recorded.json", import.meta.url), "utf8"),
) as Readonly<Record<string, ImageFacts>>;

/** A daemon that builds projects. */
export class ProjectBuilder {
  private readonly daemon: TestDaemon;
  private readonly base: Buffer;
  private readonly isolation: string;
  private readonly undo: readonly (() => Promise<void>)[];

  private constructor(
    daemon: TestDaemon,
    base: Buffer,
    isolation: string,
    undo: readonly (() => Promise<void>)[],
  ) {
    this.daemon = daemon;
    this.base = base;
    this.isolation = isolation;
    this.undo = undo;
  }

  static async start(
    isolation: "container" | "vm",
    flags: readonly string[],
  ): Promise<ProjectBuilder> {
    const undo: (() => Promise<void>)[] = [];
    const owner = { after: (done: () => Promise<void>) => void undo.push(done) };
    const daemon = await TestDaemon.start(owner, { flags });
    await loadImages(daemon, "busybox");
    const base = await readFile(await imageArchive("busybox"));
    return new ProjectBuilder(daemon, base, isolation, undo);
  }

  async end(): Promise<void> {
    for (const done of this.undo) await done();
  }

  /** Fails where the image is another one than Docker's. */
  async compare(name: string): Promise<void> {
    const expected = recorded[name];
    assert.ok(expected, "not recorded: run record.ts");
    await this.build(projects[name]!);
    const found = await imageFacts(await this.save(), this.base);
    assert.deepEqual(found.files, expected.files);
    assert.deepEqual(found.history, expected.history);
    assert.deepEqual(found.config, expected.config);
  }

  private async build(project: Project): Promise<void> {
    const query = new URLSearchParams({ t: "built", target: project.target ?? "", rm: "1" });
    query.set("buildargs", JSON.stringify(project.arguments ?? {}));
    query.set("isolation", this.isolation);
    const path = `/build?${query.toString()}`;
    const asked = request({ socketPath: this.daemon.socket, method: "POST", path });
    asked.setHeader("Content-Type", "application/x-tar");
    asked.end(projectArchive(project));
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const answer = await text(response);
    assert.match(answer, /Successfully tagged built:latest/);
  }

  private async save(): Promise<Buffer> {
    const asked = request({ socketPath: this.daemon.socket, path: "/images/built/get" });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    return await buffer(response);
  }
}
