import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";

/** A run of tests that is killed: prints its daemon's folder and the pids of a container and a machine that run. */
const daemon = await TestDaemon.start({ after: () => undefined });
await loadImages(daemon, "busybox");
const names = ["container", "vm"];
for (const name of names)
  await daemon.docker(
    "run",
    "-d",
    ...["--name", name, `--isolation=${name}`],
    "busybox",
    "sleep",
    "1000",
  );
const pids = await daemon.docker("inspect", "--format", "{{.State.Pid}}", ...names);
console.log([daemon.folder, ...pids.trim().split("\n")].join(" "));
setInterval(() => undefined, 1_000_000);
