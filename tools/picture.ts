import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canceled } from "../src/kit/abort.ts";
import { run } from "../src/kit/subprocess.ts";
import { drawIsolations, type SeenFromInside } from "./picture/draw.ts";
import { reportFailure } from "./progress.ts";
import { projectRoot } from "./project.ts";

/**
 * `node tools/picture.ts`: runs busybox both ways on this host and draws what each saw into
 * docs/images/isolations.svg. Needs an engine with the image busybox.
 */
const script = "uname -r; ls /proc | grep -c '^[0-9]'; nproc";
const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(canceled(`got ${name}`)));
}

async function look(isolation: "container" | "vm"): Promise<SeenFromInside> {
  const duet = join(projectRoot, "bin/duet");
  const args = ["run", "--rm", "--isolation", isolation, "busybox", "sh", "-c", script];
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name.startsWith("DUET_")),
  ) as Record<string, string>;
  const { stdout } = await run(duet, args, { signal: controller.signal, env });
  const [kernel = "", processes = "", processors = ""] = stdout.toString("utf8").split("\n");
  return { kernel, processes: Number(processes), processors: Number(processors) };
}

try {
  const { stdout } = await run("uname", ["-r"], { signal: controller.signal });
  const host = stdout.toString("utf8").trim();
  const picture = drawIsolations(host, await look("container"), await look("vm"));
  await writeFile(join(projectRoot, "docs/images/isolations.svg"), picture);
} catch (error) {
  process.exitCode = reportFailure(error);
}
