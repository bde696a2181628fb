import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { buildReach } from "./reach/reach.ts";
import { ownerOfTests } from "./owner.ts";

describe("ports and families", () => {
  const owner = ownerOfTests();
  let daemon: TestDaemon;
  let program: string;

  before(async () => {
    program = buildReach(owner);
    daemon = await TestDaemon.start(owner);
    await loadImages(daemon, "busybox");
    await daemon.docker("network", "create", "--ipv6", "dual");
    await daemon.docker("network", "create", "--ipv6", "--ipv4=false", "six");
  });

  const fromHost = async (protocol: string, host: string, port: string): Promise<string> => {
    const asked = await daemon.tryOnHost([
      join(program, "reach"),
      ...[protocol, host, port, "120"],
    ]);
    return asked.code === 0 ? asked.stdout.toString() : asked.stderr;
  };

  for (const isolation of ["container", "vm"] as const) {
    const option = isolation === "vm" ? ["--isolation=vm"] : [];
    const serve = async (name: string, ...more: string[]): Promise<void> => {
      const named = ["--name", name, "--hostname", name, "-v", `${program}:/reach:ro`];
      const words = [...option, ...named, ...more, "busybox", "/reach/reach", "serve", "80"];
      await daemon.docker("run", "-d", ...words);
    };

    test(`ports of a ${isolation} are published singly, out of ranges, on addresses, for TCP and UDP, until it stops`, async () => {
      const name = `served-${isolation}`;
      const ports = ["7200:80", "127.0.0.1::80/udp", "[::1]:7201:80", "7210-7213:80"];
      await serve(name, ...ports.flatMap((port) => ["-p", port]));
      const shown = await daemon.docker("port", name);
      assert.match(shown, /^80\/tcp -> 0\.0\.0\.0:7200$/m);
      assert.match(shown, /^80\/tcp -> \[::\]:7200$/m);
      assert.match(shown, /^80\/tcp -> \[::1\]:7201$/m);
      assert.match(shown, /^80\/tcp -> 0\.0\.0\.0:7210$/m);
      const udp = /^80\/udp -> 127\.0\.0\.1:(\d+)$/m.exec(shown)?.[1] ?? "";
      const answer = new RegExp(`^${name} sees `);
      assert.match(await fromHost("tcp", "127.0.0.1", "7200"), answer);
      assert.match(await fromHost("tcp", "::1", "7201"), answer);
      assert.match(await fromHost("tcp", "127.0.0.1", "7210"), answer);
      assert.match(await fromHost("udp", "127.0.0.1", udp), answer);

      const clash = await daemon.tryDocker(["run", "-p", "7200:1", ...option, "busybox"]);
      assert.equal(clash.code, 125);
      assert.match(
        clash.stderr,
        /failed to set up container networking: driver failed programming external connectivity on endpoint \w+ \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:7200 failed: port is already allocated$/m,
      );
      await daemon.docker(
        "run",
        "-d",
        "--name",
        "next",
        "-p",
        "7210-7213:80",
        "busybox",
        "sleep",
        "1000",
      );
      assert.match(await daemon.docker("port", "next"), /^80\/tcp -> 0\.0\.0\.0:7211$/m);
      await daemon.docker("rm", "-f", "next");
      await daemon.docker("stop", "-t", "0", name);
      assert.equal(
        (await daemon.docker("inspect", "-f", "{{json .NetworkSettings.Ports}}", name)).trim(),
        "{}",
      );
      await daemon.docker("rm", "-f", name);
    });

    for (const network of ["dual", "six"]) {
      test(`a ${isolation} reaches others by name over IPv6 on the network ${network}, and is published there`, async () => {
        const name = `over-${network}-${isolation}`;
        await serve(name, "--network", network, "-p", "7300:80");
        const peer = ["--name", "asks", "--network", network, "-v", `${program}:/reach:ro`];
        await daemon.docker("run", "-d", ...peer, "busybox", "sleep", "1000");
        const address = (
          await daemon.docker(
            "inspect",
            "-f",
            `{{(index .NetworkSettings.Networks "${network}").GlobalIPv6Address}}`,
            name,
          )
        ).trim();
        assert.match(address, /^fd[0-9a-f]{2}:/);
        for (const protocol of ["tcp", "udp"]) {
          for (const target of [name, address]) {
            const words = ["exec", "asks", "/reach/reach", protocol, target, "80", "120"];
            assert.match(await daemon.docker(...words), new RegExp(`^${name} sees `), target);
          }
        }
        assert.match(await fromHost("tcp", "::1", "7300"), new RegExp(`^${name} sees `));
        const six = await daemon.docker("exec", "asks", "nslookup", "-type=aaaa", name);
        assert.ok(six.includes(address), six);
        await daemon.docker("rm", "-f", name, "asks");
      });
    }
  }
});
