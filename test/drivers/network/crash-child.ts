import { createNetworkDriver } from "../../../src/drivers/network/driver.ts";
import { armFailpoints } from "../../../src/kit/failpoint.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { networkSpec, plainEndpoint, signal } from "./places.ts";

/** A daemon's part in bringing a container onto a network, that dies where the failpoint says. */
const [instance = "", runDirectory = "", thread = "", failpoint = ""] = process.argv.slice(2);
armFailpoints(`${failpoint}=kill`);
const driver = await createNetworkDriver({ instance, runDirectory, log: silentLog });
const network = await driver.plan("a".repeat(64), networkSpec("crash"), []);
await driver.up(network, signal);
const lease = driver.reserve(network, "e".repeat(64), plainEndpoint);
const endpoint = {
  ...lease,
  id: "e".repeat(64),
  network: network.id,
  networkName: "crash",
  spec: plainEndpoint,
  dnsNames: [],
  ports: [],
};
const target = { kind: "netns", pid: Number(thread) } as const;
await driver.connect(network, endpoint, target, "eth0", signal);
const web = {
  protocol: "tcp",
  containerPort: 80,
  hostAddress: "",
  hostPort: 8080,
  hostPortEnd: 0,
} as const;
await driver.publish(network, endpoint, [web], signal);
await driver.disconnect(network, endpoint, signal);
await driver.down(network, signal);
await driver.close();
