import { join } from "node:path";
import { programPath, run } from "../../src/kit/subprocess.ts";
import { createClient, type EngineClient } from "../client.ts";
import { NamespaceHolder } from "./daemon.ts";
import type { EngineOptions, MeasuredEngine } from "./engine.ts";
import { writeSettings } from "./podman.ts";

/**
 * Buildah from a folder into which its package was unpacked, with the runtime and helpers of `peers`. As Podman it has
 * no daemon; it only builds and moves images.
 */
export async function startBuildah(
  { buildah, peers }: { readonly buildah: string; readonly peers: string },
  options: EngineOptions,
): Promise<MeasuredEngine> {
  const { folder, signal } = options;
  await writeSettings(peers, folder);
  const program = join(buildah, "usr/bin/buildah");
  const environment = {
    PATH: `${peers}/usr/bin:${peers}/usr/sbin:${programPath}`,
    HOME: folder,
    CONTAINERS_CONF: join(folder, "containers.conf"),
  };
  const version = await run(program, ["--version"], { signal });
  const holder = await NamespaceHolder.start(signal);
  const words = [
    "nsenter",
    `--net=/proc/${holder.pid}/ns/net`,
    `--mount=/proc/${holder.pid}/ns/mnt`,
    ...[program, "--root", join(folder, "root"), "--runroot", join(folder, "runroot")],
    "--storage-driver=overlay",
  ];
  return {
    name: `buildah ${/version ([0-9.]+)/.exec(version.stdout.toString())?.[1] ?? ""}`,
    kind: "buildah",
    socket: "",
    namespacePid: holder.pid,
    client: translated(createClient(words, environment, signal)),
    pullFlags: ["--tls-verify=false"],
    processes: async () => ({ own: [], machines: [] }),
    [Symbol.asyncDispose]: () => holder[Symbol.asyncDispose](),
  };
}

/** Takes Docker's verbs where Buildah's are others; its steps are cached only where it is told so. */
function translated(client: EngineClient): EngineClient {
  const words = (args: readonly string[]): readonly string[] => {
    const [verb = "", ...rest] = args;
    const archive = rest[rest.length - 1] ?? "";
    if (verb === "build") return ["build", "--layers", ...rest];
    if (verb === "load") return ["pull", "--quiet", `docker-archive:${archive}`];
    if (verb === "save")
      return ["push", "--quiet", archive, `docker-archive:${rest[1] ?? ""}:${archive}`];
    if (verb === "ps") return ["containers", "--quiet"];
    if (verb === "rm") return ["rm", ...rest.filter((word) => word !== "--force")];
    return args;
  };
  return {
    call: (...args) => client.call(...words(args)),
    text: (...args) => client.text(...words(args)),
    until: (signal) => translated(client.until(signal)),
    with: (env) => translated(client.with(env)),
  };
}
