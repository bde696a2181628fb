import { parseArgs } from "node:util";
import { imageFile } from "../images/build.ts";
import { canceled } from "../src/kit/abort.ts";
import { DuetError } from "../src/kit/errors.ts";
import { Duet } from "../src/client/duet.ts";
import { buildBundles } from "./build/bundles.ts";
import { buildNative } from "./build/native.ts";
import { showDuet } from "./demo/duet.ts";
import { portIsTaken, waitForPage } from "./demo/page.ts";
import { reportFailure, step } from "./progress.ts";
import { projectRoot } from "./project.ts";
import { runTool } from "./run-tool.ts";

/**
 * `npm run demo [-- --port 8080] [--pull]`: sets the host up, builds, starts the engine, and shows one
 * image both ways. `--pull` takes the images from their registry instead of from `images/`.
 */
const ending = `
Both ways came from one image. What to try next:
  bin/duet run -it --rm nginx bash                  a shell in a container
  bin/duet run -it --rm --isolation vm nginx bash   the same in a virtual machine
  bin/duet compare --html report.html nginx         the comparison with plots
  bin/duet doctor                                   what this host offers and lacks
The engine keeps running; \`kill $(cat /run/duet/duetd.pid)\` ends it, and workloads go on.`;

const images = ["hello-world", "nginx"];
const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(canceled(`got ${name}`)));
}
const signal = controller.signal;

try {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8080" },
      pull: { type: "boolean", default: false },
    },
  });
  const port = portOf(values.port);
  requireRoot();
  await prepare();
  await bringImages(values.pull);
  await greet();
  for (const isolation of ["container", "vm"] as const) await serve(isolation, port);
  await showDuet(["compare", "--runs", "3", "hello-world"], signal);
  console.log(ending);
} catch (error) {
  process.exitCode = reportFailure(error);
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new DuetError("invalid", "PORT_INVALID", `"${text}" is no port`, {
    hint: "use a number from 1 to 65535",
  });
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new DuetError("denied", "NOT_ROOT", "the demo starts an engine, which takes root", {
    hint: "run `sudo npm run demo`",
  });
}

async function prepare(): Promise<void> {
  const code = await runTool("tools/setup.ts", ["--for", "build"], signal);
  if (code !== 0) throw new DuetError("unavailable", "SET_UP_FAILED", "set-up did not finish");
  await step("native parts", () => buildNative(projectRoot, signal));
  await step("bundles", () => buildBundles(projectRoot, signal));
  await step("engine", async () => {
    await using duet = new Duet();
    const { ServerVersion } = await duet.system.info(signal);
    return `duetd ${ServerVersion} answers on ${duet.settings.socketPath}`;
  });
}

async function bringImages(pull: boolean): Promise<void> {
  for (const name of images) {
    if (pull) {
      await showDuet(["pull", name], signal);
      continue;
    }
    const file = await step(`image ${name}, from Debian's packages`, () => imageFile(name, signal));
    await showDuet(["load", "--quiet", "--input", file], signal);
  }
}

/** The kernel that each greeting names is the whole difference. */
async function greet(): Promise<void> {
  await showDuet(["run", "--rm", "hello-world"], signal);
  console.log(
    "\nThe first virtual machine of a host takes some seconds: KVM is tried, a template boots.",
  );
  await showDuet(["run", "--rm", "--isolation", "vm", "hello-world"], signal);
}

async function serve(isolation: "container" | "vm", port: number): Promise<void> {
  const name = `duet-demo-${isolation}`;
  await using duet = new Duet();
  await duet.containers
    .get(name)
    .remove()
    .catch(() => undefined);
  if (await portIsTaken(port)) {
    throw new DuetError("conflict", "PORT_TAKEN", `something already listens on port ${port}`, {
      hint: "run `npm run demo -- --port NUMBER`",
    });
  }
  const publish = ["--publish", `${port}:80`];
  const flags = ["--detach", "--name", name, "--isolation", isolation, ...publish];
  await showDuet(["run", ...flags, "nginx"], signal);
  try {
    const url = `http://127.0.0.1:${port}/`;
    const page = await waitForPage(url, 60, signal);
    const time = page.milliseconds.toFixed(1);
    console.log(`GET ${url} → ${page.status} ${page.server} “${page.title}” in ${time} ms`);
    await showDuet(["exec", name, "uname", "-r"], signal);
    await showDuet(["logs", name], signal);
  } finally {
    await duet.containers.get(name).remove();
  }
}
