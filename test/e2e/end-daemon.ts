import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { errnoOf } from "../../src/kit/errors.ts";
import { run } from "../../src/kit/subprocess.ts";

/** Takes away a test's daemon, whose owner is gone: processes, mounts, control groups, files. See guard.ts. */
const { TEST_FOLDER: folder = "", TEST_CGROUP: cgroup = "" } = process.env;
if (!/^\/tmp\/duet-[\w-]+$/.test(folder) || !/^(?:\/duet-test-\w+)?$/.test(cgroup)) process.exit(2);
const signal = AbortSignal.timeout(120_000);
const network = await readlink("/proc/self/fd/9");

const text = async (pid: string, name: string): Promise<string> =>
  await readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");

/** In the daemon's network or control group, or with its folder among its words; none that has ended already. */
async function isOurs(pid: string): Promise<boolean> {
  if (Number(pid) === process.pid || /\) [ZX] /.test(await text(pid, "stat"))) return false;
  const groups = await text(pid, "cgroup");
  return (
    (await readlink(`/proc/${pid}/ns/net`).catch(() => "")) === network ||
    (cgroup !== "" && groups.split("\n").some((line) => `${line}/`.includes(`:${cgroup}/`))) ||
    (await text(pid, "cmdline")).includes(folder)
  );
}

/** Kills what there is, and gives what it was: what those make meanwhile is for the next time. */
async function killAll(): Promise<readonly string[]> {
  const killed: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if (!(await isOurs(pid))) continue;
    killed.push(pid);
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }
  return killed;
}

for (let killed = await killAll(); killed.length > 0; killed = await killAll()) {
  for (const pid of killed)
    await run("tail", [`--pid=${pid}`, "--sleep-interval=0.05", "-f", "/dev/null"], { signal });
}
const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n");
const points = mounts.map((line) => line.split(" ")[1] ?? "");
for (const point of points.filter((path) => path.startsWith(`${folder}/`)).toReversed()) {
  await run("umount", ["-l", point], { okCodes: "any", signal });
}
const groups = ["-depth", "-path", `*${cgroup}*`, "-type", "d", "-delete"];
if (cgroup !== "") await run("find", ["/sys/fs/cgroup", ...groups], { okCodes: "any", signal });
await rm(folder, { recursive: true, force: true });
