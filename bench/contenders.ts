import { join } from "node:path";
import type { Scope } from "../src/kit/scope.ts";
import { imageFile } from "../images/build.ts";
import type { EngineClient } from "./client.ts";
import type { Contender } from "./cases/case.ts";
import { startBuildah } from "./engines/buildah.ts";
import { startDocker } from "./engines/docker.ts";
import { duetClient, startDuet } from "./engines/duet.ts";
import type { EngineOptions, MeasuredEngine } from "./engines/engine.ts";
import { startPodman } from "./engines/podman.ts";

/** An engine that does not remove its workloads in this time is ended without. */
const removalMilliseconds = 60_000;

export const engineNames = ["duet", "docker", "installed-docker", "podman", "buildah"] as const;
export type EngineName = (typeof engineNames)[number];

export interface Line {
  readonly engines: readonly MeasuredEngine[];
  readonly contenders: readonly Contender[];
}

export interface LineOptions extends EngineOptions {
  /** Where the newer engines were unpacked. */
  readonly peers: string;
  /** Where Buildah was unpacked. */
  readonly buildah: string;
  /** Where Duet is installed. */
  readonly installed: string;
  readonly vm: "none" | "pool" | "pool and cold";
  /** Whether Duet runs the host's runc or that of `peers`, as Docker there does. */
  readonly runtime: "installed" | "peers";
}

/** Starts the engines, gives each the same image, and lists the ways to run it. `scope` ends them. */
export async function openLine(
  names: readonly EngineName[],
  options: LineOptions,
  scope: Scope,
): Promise<Line> {
  const image = await imageFile("busybox", options.signal);
  const engines: MeasuredEngine[] = [];
  const contenders: Contender[] = [];
  const enter = async (starting: Promise<MeasuredEngine>): Promise<MeasuredEngine> => {
    const engine = await starting;
    scope.defer(async () => await engine[Symbol.asyncDispose]());
    scope.defer(() => removeAll(engine.client.until(AbortSignal.timeout(removalMilliseconds))));
    await engine.client.call("load", "--quiet", "-i", image);
    return engine;
  };
  const place = (name: string): EngineOptions => ({
    ...options,
    folder: join(options.folder, name),
  });
  for (const name of names) {
    const engine = await enter(startNamed(name, place(name), options));
    engines.push(engine);
    if (engine.kind !== "buildah") contenders.push(contender(engine, engine.name, engine.client));
  }
  const duet = engines.find((engine) => engine.kind === "duet");
  if (duet === undefined) return { engines, contenders };
  contenders.push(
    contender(duet, "duet, its own client", duetClient(options.installed, duet, options.signal)),
  );
  if (options.vm === "none") return { engines, contenders };
  contenders.push(machine(duet, "duet --isolation=vm"));
  if (options.vm === "pool and cold") {
    const cold = await enter(
      startDuet("duet cold", options.installed, place("cold"), ["--vm-cold-boot"]),
    );
    contenders.push(machine(cold, "duet --isolation=vm, booted cold"));
  }
  return { engines, contenders };
}

function startNamed(
  name: EngineName,
  place: EngineOptions,
  { peers, buildah, installed, vm, runtime }: LineOptions,
): Promise<MeasuredEngine> {
  if (name === "docker") return startDocker(peers, place);
  if (name === "installed-docker") return startDocker("", place);
  if (name === "podman") return startPodman(peers, place);
  if (name === "buildah") return startBuildah({ buildah, peers }, place);
  return startDuet("duet", installed, place, [
    ...(vm === "none" ? ["--vm-pool-size", "0"] : []),
    ...(runtime === "peers" ? ["--oci-runtime", `${peers}/usr/bin/runc`] : []),
  ]);
}

function contender(engine: MeasuredEngine, name: string, client: EngineClient): Contender {
  return { name, engine, client, flags: [], isVm: false };
}

function machine(engine: MeasuredEngine, name: string): Contender {
  return { name, engine, client: engine.client, flags: ["--isolation=vm"], isVm: true };
}

/** Containers of a measurement that was cut short would outlive their engine. */
async function removeAll(client: EngineClient): Promise<void> {
  const ids = (await client.text("ps", "--all", "--quiet")).split("\n").filter(Boolean);
  if (ids.length > 0) await client.call("rm", "--force", ...ids);
}
