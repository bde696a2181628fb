import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { networkFlags } from "../../src/cli/container/network-flags.ts";
import { processFlags } from "../../src/cli/container/process-flags.ts";
import { resourceFlags } from "../../src/cli/container/resource-flags.ts";
import { securityFlags } from "../../src/cli/container/security-flags.ts";
import { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import { linesOf, type Line } from "./isolation-verbs.ts";

const isolations = ["container", "vm"] as const;
type Isolation = (typeof isolations)[number];

/** Options of clients alone, of Windows, about the list itself, and other words for those that are listed. */
const notListed = new Set(
  [
    "--cidfile --cpu-count --cpu-percent --disable-content-trust --help --io-maxbandwidth --io-maxiops",
    "--isolation --kernel-memory --use-api-socket --net --net-alias --dns-opt",
  ].flatMap((line) => line.split(" ")),
);

test("the page on options and verbs says what the engine does", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: ["--vm-pool-size", "0"] });
  await loadImages(daemon, "busybox");
  const folder = join(daemon.folder, "shared");
  const profile = join(daemon.folder, "profile.json");
  await mkdir(folder);
  await writeFile(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [] }));
  const docker = daemon.docker.bind(daemon);
  const subnets = ["--subnet", "10.213.7.0/24", "--ipv6", "--subnet", "fd00:213::/64"];
  await docker("network", "create", ...subnets, "verbs");
  const web = ["--name", "web", "--ipc", "shareable", "-v", "verbs:/data"];
  await docker(
    "run",
    "-d",
    ...web,
    "busybox",
    "sh",
    "-c",
    "mkdir -p /data/a; touch /data/a/leaf; exec sleep 1000",
  );

  const fill = (word: string): string =>
    word
      .replace("FOLDER", folder)
      .replace("PROFILE", profile)
      .replace("amd64", arch() === "x64" ? "amd64" : arch());
  const flag = (isolation: Isolation): string[] =>
    isolation === "vm" ? ["--isolation", "vm"] : [];

  await context.test("it lists every option of Docker's client and of Duet's", async () => {
    const listed = new Set(linesOf("option").flatMap(({ words }) => words));
    const { stdout } = await daemon.tryDocker(["create", "--help"]);
    const options = [...stdout.toString().matchAll(/^ +(?:-\w, +| +)(--[a-z0-9-]+)/gm)];
    assert.ok(options.length > 80);
    const own = [...processFlags, ...securityFlags, ...resourceFlags, ...networkFlags];
    const names = [...options.map(([, name]) => name!), ...own.map(({ name }) => `--${name}`)];
    const missing = names.filter((name) => !notListed.has(name));
    assert.deepEqual(
      missing.filter((name) => !listed.has(name)),
      [],
    );
  });

  /** What `create` says of an option, in the page's words. */
  async function tryOption({ words }: Line, isolation: Isolation): Promise<string> {
    const args = words.map(fill);
    const made = await daemon.tryDocker(["create", ...args, ...flag(isolation), "busybox", "true"]);
    if (made.code !== 0) return "refused";
    const id = made.stdout.toString().trim();
    await docker("rm", "-v", id);
    return made.stderr.includes("WARNING") ? "warned" : "works";
  }

  for (const isolation of isolations) {
    await context.test(
      `create with isolation ${isolation} takes, warns and refuses as it says`,
      async () => {
        const wrong: string[] = [];
        for (const line of linesOf("option")) {
          const said = line[isolation];
          // A client leaves out `default`, and sends one isolation.
          if (isolation === "vm" && line.words.includes("--isolation")) continue;
          const done = await tryOption(line, isolation);
          const fits =
            said === "host"
              ? done !== "refused"
              : said === done || (said === "start" && done === "works");
          if (!fits) wrong.push(`${line.words.join(" ")}: ${said} on the page, ${done} here`);
        }
        assert.deepEqual(wrong, []);
      },
    );

    await context.test(`options show inside isolation ${isolation}`, async () => {
      const lines = linesOf("option").filter(({ shows }) => shows !== null);
      const script = lines.map(({ shows }) => `echo "<$(${shows!.command})>"`).join("\n");
      const options = lines.flatMap(({ words }) => words.map(fill));
      const { stdout } = await daemon.tryDocker(
        ["run", "--rm", ...options, ...flag(isolation), "busybox", "sh", "-c", script],
        [0],
      );
      const outputs = [...stdout.toString().matchAll(/<([^>]*)>/g)].map(([, output]) => output!);
      const wrong = lines.flatMap(({ words, shows }, at) => {
        const isSeen = (outputs[at] ?? "").split(/\s+/).join(" ").includes(shows!.output);
        return isSeen
          ? []
          : [`${words.join(" ")}: ${shows!.output} on the page, ${outputs[at]} here`];
      });
      assert.deepEqual(wrong, []);
    });

    await context.test(`verbs do with isolation ${isolation} what it says`, async () => {
      await docker("run", "-dit", "--name", "one", ...flag(isolation), "busybox", "sh");
      const wrong: string[] = [];
      for (const line of linesOf("verb")) {
        const { code, stderr } = await daemon.tryDocker(line.words.map(fill));
        const done = code === 0 ? "works" : "refused";
        if (done !== line[isolation]) wrong.push(`${line.words.join(" ")}: ${done}: ${stderr}`);
      }
      assert.deepEqual(wrong, []);
    });
  }
});
