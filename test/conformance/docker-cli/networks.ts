import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientAge } from "../../../tools/clients/bring.ts";
import { clientsOfFile } from "../shared.ts";

/** `docker network`, name service and publishing. */
export function testNetworks(age: ClientAge): void {
  const title = `docker CLI (${age})`;

  test(`${title}: a network is created as told, listed, filtered and removed`, async () => {
    const client = await clientsOfFile(age);
    const name = `net-${age}`;
    const words = [
      "--subnet",
      "10.61.0.0/16",
      "--ip-range",
      "10.61.5.0/24",
      "--gateway",
      "10.61.0.9",
    ];
    words.push("--label", "shade=dark", "--internal", "--attachable");
    assert.match(await client.docker("network", "create", ...words, name), /^[0-9a-f]{64}\n$/);
    const format = "{{json .IPAM.Config}} {{.Internal}} {{.Attachable}} {{.Driver}} {{.Scope}}";
    const told = await client.docker("network", "inspect", "-f", format, name);
    const config = '[{"Subnet":"10.61.0.0/16","IPRange":"10.61.5.0/24","Gateway":"10.61.0.9"}]';
    assert.equal(told, `${config} true true bridge local\n`);
    const listed = await client.docker(
      "network",
      "ls",
      "-f",
      "label=shade=dark",
      "--format",
      "{{.Name}}",
    );
    assert.equal(listed, `${name}\n`);
    const twice = await client.attempt(["network", "create", name]);
    assert.match(twice.stderr, new RegExp(`network with name ${name} already exists`));
    assert.equal(await client.docker("network", "rm", name), `${name}\n`);
    assert.equal((await client.attempt(["network", "inspect", name])).code, 1);
    const builtIn = await client.attempt(["network", "rm", "bridge"]);
    assert.match(builtIn.stderr, /bridge is a pre-defined network and cannot be removed/);
  });

  test(`${title}: containers and VMs find each other by name, alias and static address`, async () => {
    const client = await clientsOfFile(age);
    const net = `talk-${age}`;
    await client.docker("network", "create", "--subnet", "10.62.0.0/24", net);
    const serve = "mkdir /www; hostname > /www/index.html; httpd -f -p 80 -h /www";
    const command = ["busybox", "sh", "-c", serve];
    const common = ["run", "-d", "--network", net];
    await client.docker(
      ...common,
      "--name",
      `box-${age}`,
      "--network-alias",
      "any",
      "--ip",
      "10.62.0.77",
      "--hostname",
      "box",
      ...command,
    );
    await client.docker(
      ...common,
      "--name",
      `vm-${age}`,
      "--network-alias",
      "vm",
      "--isolation",
      "vm",
      "--hostname",
      "vm",
      ...command,
    );
    const ask = async (isolation: string, url: string): Promise<string> => {
      const retry = `for n in $(seq 60); do wget -qO- ${url} && exit; sleep 1; done; exit 1`;
      const words = [
        "run",
        "--rm",
        "--network",
        net,
        "--isolation",
        isolation,
        "busybox",
        "sh",
        "-c",
        retry,
      ];
      return (await client.docker(...words)).trim();
    };
    const from = age === "newest" ? (["container", "vm"] as const) : (["container"] as const);
    for (const isolation of from) {
      const said = isolation === "container" ? "default" : "vm";
      assert.equal(await ask(said, `http://box-${age}/`), "box");
      assert.equal(await ask(said, "http://10.62.0.77/"), "box");
      assert.equal(await ask(said, "http://any/"), "box");
      assert.equal(await ask(said, "http://vm/"), "vm");
    }
    const busy = await client.attempt(["network", "rm", net]);
    assert.match(busy.stderr, /has active endpoints/);
    await client.docker("rm", "-f", `box-${age}`, `vm-${age}`);
    await client.docker("network", "rm", net);
  });

  test(`${title}: connect and disconnect change a running container's networks`, async () => {
    const client = await clientsOfFile(age);
    const [net, name] = [`late-${age}`, `joiner-${age}`];
    await client.docker("network", "create", net);
    await client.docker("run", "-d", "--name", name, "busybox", "sleep", "1000");
    await client.docker("network", "connect", "--alias", "late-one", net, name);
    assert.match(await client.docker("exec", name, "ip", "-o", "-4", "addr"), /eth1/);
    const found = await client.docker(
      "run",
      "--rm",
      "--network",
      net,
      "busybox",
      "nslookup",
      "late-one",
    );
    assert.match(found, /Address.*172\./);
    await client.docker("network", "disconnect", net, name);
    assert.doesNotMatch(await client.docker("exec", name, "ip", "-o", "-4", "addr"), /eth1/);
    await client.docker("rm", "-f", name);
    assert.match(
      await client.docker("network", "prune", "-f"),
      new RegExp(`Deleted Networks:\n(.*\n)*${net}\n`),
    );
  });

  test(`${title}: host, none and another container's network are served`, async () => {
    const client = await clientsOfFile(age);
    const name = `owner-${age}`;
    const links = async (mode: string): Promise<string> =>
      await client.docker("run", "--rm", "--network", mode, "busybox", "ip", "-o", "link");
    assert.doesNotMatch(await links("none"), /eth0/);
    assert.match(await links("host"), /lo/);
    await client.docker("run", "-d", "--name", name, "busybox", "sleep", "1000");
    const own = await client.docker("exec", name, "cat", "/sys/class/net/eth0/address");
    const words = ["run", "--rm", "--network", `container:${name}`, "busybox"];
    assert.equal(await client.docker(...words, "cat", "/sys/class/net/eth0/address"), own);
    await client.docker("rm", "-f", name);
  });
}
