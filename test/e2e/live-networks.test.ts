import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { buildReach } from "./reach/reach.ts";
import { ownerOfTests } from "./owner.ts";

describe("networks of what runs", () => {
  const owner = ownerOfTests();
  let daemon: TestDaemon;
  let program: string;

  before(async () => {
    program = buildReach(owner);
    daemon = await TestDaemon.start(owner);
    await loadImages(daemon, "busybox");
    await daemon.docker("network", "create", "--subnet", "10.41.0.0/24", "zeta");
    await daemon.docker("network", "create", "--subnet", "10.42.0.0/24", "alpha");
    const both = ["--ipv6", "--subnet", "10.43.0.0/24", "--subnet", "fd00:43::/64"];
    await daemon.docker("network", "create", ...both, "both");
    await daemon.docker("network", "create", "--internal", "--subnet", "10.44.0.0/24", "inner");
    for (const network of ["zeta", "alpha", "both", "inner"]) {
      const peer = ["--name", `peer-${network}`, "--network", network];
      await daemon.docker("run", "-d", ...peer, "busybox", "sleep", "1000");
    }
  });

  for (const isolation of ["container", "vm"] as const) {
    const option = isolation === "vm" ? ["--isolation=vm"] : [];
    const name = `subject-${isolation}`;
    const exec = async (script: string): Promise<string> => {
      const done = await daemon.tryDocker(["exec", name, "sh", "-c", script]);
      return done.stdout.toString();
    };
    const gateway = async (): Promise<string> =>
      /default via (\S+)/.exec(await exec("ip route"))?.[1] ?? "";
    const hosts = async (): Promise<string[]> =>
      [...(await exec("cat /etc/hosts")).matchAll(/^((?:10\.|fd)\S+)\tsubject$/gm)].map(
        (match) => match[1] ?? "",
      );
    /** The device of each address. */
    const withIpv6 = async (): Promise<string[]> =>
      (await exec("cat /proc/net/if_inet6"))
        .split("\n")
        .flatMap((line) => line.split(/\s+/)[5] ?? [])
        .toSorted();
    const canPing = async (target: string, seconds = 60): Promise<boolean> =>
      (await exec(`ping -c 1 -W ${seconds} ${target} >/dev/null 2>&1 && echo yes`)) === "yes\n";

    test(`a running ${isolation} is connected and disconnected, with routes, names and files as they are then`, async () => {
      const box = ["--name", name, "--hostname", "subject", ...option, "--network", "zeta"];
      await daemon.docker("run", "-d", ...box, "busybox", "sleep", "1000");
      await exec("echo '9.9.9.9 mine' >> /etc/hosts");
      assert.equal(await gateway(), "10.41.0.1");
      assert.equal(await canPing("peer-alpha", 2), false);
      assert.deepEqual(await withIpv6(), ["lo"]);

      await daemon.docker(
        "network",
        "connect",
        "--alias",
        "other",
        "--ip",
        "10.42.0.77",
        "alpha",
        name,
      );
      assert.match(await exec("ip -o addr show eth1"), /10\.42\.0\.77\/24/);
      assert.equal(await gateway(), "10.42.0.1", "of two networks the first by name leads out");
      for (const peer of ["peer-zeta", "peer-alpha", "peer-alpha.alpha"]) {
        assert.equal(await canPing(peer), true, peer);
      }
      const asked = await daemon.docker("exec", "peer-alpha", "nslookup", "other");
      assert.match(asked, /Address: 10\.42\.0\.77/);
      assert.deepEqual((await hosts()).slice(1), ["10.42.0.77"]);
      assert.deepEqual(await withIpv6(), ["lo"]);

      await daemon.docker("network", "connect", "--ip6", "fd00:43::77", "both", name);
      assert.equal(await gateway(), "10.43.0.1", "a network with both families goes before");
      assert.match(await exec("ip -6 route"), /default via fd00:43::1/);
      assert.equal(await canPing("peer-both"), true);
      assert.deepEqual(await withIpv6(), ["eth2", "eth2", "lo"], "its own, and the link's");
      assert.equal((await hosts()).at(-1), "fd00:43::77");

      await daemon.docker("network", "connect", "inner", name);
      assert.equal(await canPing("peer-inner"), true);
      assert.equal(await gateway(), "10.43.0.1", "an internal network leads nowhere");
      const inspected = JSON.parse(await daemon.docker("inspect", name)) as {
        NetworkSettings: { Networks: Record<string, { Aliases: string[]; DNSNames: string[] }> };
      }[];
      const networks = inspected[0]?.NetworkSettings.Networks ?? {};
      assert.deepEqual(Object.keys(networks).toSorted(), ["alpha", "both", "inner", "zeta"]);
      assert.deepEqual(networks["alpha"]?.Aliases, ["other"]);
      assert.deepEqual(networks["alpha"]?.DNSNames.slice(0, 2), [name, "other"]);

      await daemon.docker("network", "disconnect", "both", name);
      assert.equal(await gateway(), "10.42.0.1");
      await daemon.docker("network", "disconnect", "zeta", name);
      assert.equal(await canPing("peer-zeta", 2), false);
      assert.equal(
        await canPing("peer-alpha"),
        true,
        "the name server of a network that is gone is another",
      );
      assert.doesNotMatch(await exec("ip -o link"), /eth0/);
      assert.match(await exec("cat /etc/hosts"), /^9\.9\.9\.9 mine$/m);
      await daemon.docker("network", "disconnect", "alpha", name);
      await daemon.docker("network", "disconnect", "inner", name);
      assert.equal((await exec("ip -o link")).trim().split("\n").length, 1);
      assert.deepEqual(await hosts(), []);
      await daemon.docker("network", "connect", "zeta", name);
      assert.equal(await gateway(), "10.41.0.1");
      assert.equal(await canPing("10.41.0.1"), true);
      await daemon.docker("rm", "-f", name);
    });

    test(`a ${isolation} starts on several networks, with the gateway that is preferred, and changes them under a later daemon`, async () => {
      const networks = [
        "name=zeta,gw-priority=5,mac-address=02:42:00:00:00:77",
        "name=alpha,ip=10.42.0.78",
        "inner",
      ].flatMap((network) => ["--network", network]);
      const box = ["--name", name, "--hostname", "subject", ...option, ...networks];
      const published = ["-p", "8080:80", "-v", `${program}:/reach:ro`];
      const server = ["busybox", "/reach/reach", "serve", "80"];
      await daemon.docker("run", "-d", ...box, ...published, ...server);
      assert.equal(await gateway(), "10.41.0.1");
      assert.match(await exec("ip -o link"), /02:42:00:00:00:77/);
      assert.match(await exec("ip -o addr"), /10\.42\.0\.78\/24/);
      for (const peer of ["peer-zeta", "peer-alpha", "peer-inner"]) {
        assert.equal(await canPing(peer), true, peer);
      }
      const question = ["tcp", "127.0.0.1", "8080", "120"];
      const ask = async (): Promise<string> =>
        (await daemon.onHost(join(program, "reach"), ...question)).stdout.toString();
      assert.match(await ask(), /^subject sees /);

      await daemon.end("SIGKILL");
      await daemon.launch();
      await daemon.docker("network", "disconnect", "zeta", name);
      assert.equal(await gateway(), "10.42.0.1");
      assert.equal(await canPing("peer-alpha"), true);
      assert.match(await daemon.docker("port", name), /^80\/tcp -> 0\.0\.0\.0:8080/);
      assert.match(await ask(), /^subject sees /, "the port leads to the network that is left");
      await daemon.docker("network", "connect", "zeta", name);
      assert.equal(await canPing("peer-zeta"), true);
      await daemon.docker("restart", "-t", "0", name);
      for (const peer of ["peer-zeta", "peer-alpha", "peer-inner"]) {
        assert.equal(await canPing(peer), true, peer);
      }
      await daemon.docker("rm", "-f", name);
    });
  }
});
