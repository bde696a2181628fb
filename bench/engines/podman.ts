import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { programPath, run } from "../../src/kit/subprocess.ts";
import { createClient } from "../client.ts";
import { NamespaceHolder, removeCgroups } from "./daemon.ts";
import type { EngineOptions, MeasuredEngine } from "./engine.ts";

/** Where Podman puts workloads; of a Podman that has some, the removal of empty cgroups takes nothing. */
const podmanCgroup = "libpod_parent";

/**
 * Podman from a folder into which its packages were unpacked. It has no daemon, so each command enters
 * the namespaces that a holder keeps, which costs about 2 ms.
 */
export async function startPodman(root: string, options: EngineOptions): Promise<MeasuredEngine> {
  const { folder, signal } = options;
  await writeSettings(root, folder);
  const environment = {
    PATH: `${root}/usr/bin:${root}/usr/sbin:${programPath}`,
    HOME: folder,
    CONTAINERS_CONF: join(folder, "containers.conf"),
    PODMAN_IGNORE_CGROUPSV1_WARNING: "1",
  };
  const holder = await NamespaceHolder.start(signal);
  const storage = ["root", "runroot", "tmpdir"].flatMap((name) => [
    `--${name}`,
    join(folder, name),
  ]);
  const words = [
    "nsenter",
    `--net=/proc/${holder.pid}/ns/net`,
    `--mount=/proc/${holder.pid}/ns/mnt`,
    join(root, "usr/bin/podman"),
    ...storage,
    "--storage-driver=overlay",
  ];
  const client = createClient(words, environment, signal);
  const version = await run(join(root, "usr/bin/podman"), ["--version"], { signal });
  return {
    name: `podman ${/([0-9.]+)\s*$/.exec(version.stdout.toString())?.[1] ?? ""}`,
    kind: "podman",
    socket: "",
    namespacePid: holder.pid,
    client,
    pullFlags: ["--tls-verify=false"],
    processes: async () => ({ own: [], machines: [] }),
    [Symbol.asyncDispose]: async () => {
      await holder[Symbol.asyncDispose]();
      await removeCgroups(podmanCgroup);
    },
  };
}

/**
 * The limits that this process may set. Podman's builds ask for 1,048,576 files and processes, which a
 * host without CAP_SYS_RESOURCE refuses to every step.
 */
async function ownLimits(): Promise<readonly string[]> {
  const limits = await readFile("/proc/self/limits", "utf8");
  const named = { nofile: /^Max open files.*$/m, nproc: /^Max processes.*$/m };
  return Object.entries(named).flatMap(([name, pattern]) => {
    const hard =
      pattern
        .exec(limits)?.[0]
        .trim()
        .split(/\s{2,}/)[2] ?? "";
    return /^\d+$/.test(hard) ? [`${name}=${hard}:${hard}`] : [];
  });
}

/** For Podman and Buildah. runc for every engine: it is the one that each of them can use on hosts with cgroups v1. */
export async function writeSettings(root: string, folder: string): Promise<void> {
  const policies = join(folder, ".config/containers");
  await mkdir(policies, { recursive: true });
  await writeFile(
    join(policies, "policy.json"),
    JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }),
  );
  const settings = [
    "[containers]",
    `default_ulimits=${JSON.stringify(await ownLimits())}`,
    "[engine]",
    `helper_binaries_dir=["${root}/usr/lib/podman", "${root}/usr/libexec/podman"]`,
    `conmon_path=["${root}/usr/bin/conmon"]`,
    'runtime="runc"',
    'cgroup_manager="cgroupfs"',
    'events_logger="file"',
    "[engine.runtimes]",
    `runc=["${root}/usr/bin/runc", "${root}/usr/sbin/runc"]`,
    "[network]",
    `network_config_dir="${join(folder, "networks")}"`,
    "",
  ];
  await writeFile(join(folder, "containers.conf"), settings.join("\n"));
}
