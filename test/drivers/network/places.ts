import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type {
  EndpointRecord,
  EndpointSpec,
  InterfaceSetup,
  NetworkDriver,
  NetworkRecord,
  NetworkSpec,
} from "../../../src/domain/network.ts";
import { newObjectId } from "../../../src/domain/identity.ts";
import { createNetworkDriver } from "../../../src/drivers/network/driver.ts";
import { createLog, type LogEvent } from "../../../src/kit/log.ts";
import { systemCall } from "../../../src/kit/syscalls.ts";

const newNetwork = 0x40000000;
/** Milliseconds to wait for an answer. */
const patient = 60_000;
const brief = 700;

/** Moves this test process into a network namespace of its own, so that nothing of the host is touched. */
export function leaveHostNetwork(): void {
  systemCall("int unshare(int)", newNetwork);
  ip("link set lo up");
  sh("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
}

/** Runs iproute2 here. */
export function ip(words: string): string {
  return execFileSync("ip", words.split(" "), { encoding: "utf8", stdio: "pipe", timeout: 60_000 });
}

export function sh(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: "pipe", timeout: 60_000 });
}

/** A network namespace with a thread in it that connects, serves and sends on demand. */
export class Place implements AsyncDisposable {
  readonly thread: number;
  private readonly worker: Worker;
  private readonly waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void }
  >();
  private next = 1;

  private constructor(worker: Worker, thread: number) {
    this.worker = worker;
    this.thread = thread;
    worker.on("message", (answer: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer.result);
      else waiting?.reject(new Error(answer.error));
    });
  }

  static async make(): Promise<Place> {
    const worker = new Worker(new URL("./place-worker.ts", import.meta.url));
    const [hello] = (await once(worker, "message")) as [{ thread: number }];
    const place = new Place(worker, hello.thread);
    await place.ip("link set lo up");
    await place.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
    return place;
  }

  private ask(verb: string, ...args: unknown[]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.next;
    this.next += 1;
    this.waiting.set(id, { resolve, reject });
    this.worker.postMessage({ id, verb, args }, []);
    return promise;
  }

  async run(program: string, ...args: string[]): Promise<string> {
    return String(await this.ask("run", program, args));
  }

  ip(words: string): Promise<string> {
    return this.run("ip", ...words.split(" "));
  }

  async serveTcp(port: number, host = "0.0.0.0"): Promise<void> {
    await this.ask("serveTcp", port, host);
  }

  async serveUdp(port: number, host = "0.0.0.0"): Promise<void> {
    await this.ask("serveUdp", port, host);
  }

  /** Asks with patience: for what is expected to answer. */
  async askTcp(host: string, port: number, data?: string): Promise<string> {
    return String(await this.ask("askTcp", patient, host, port, data));
  }

  async askUdp(host: string, port: number, data = "hello", from = 0): Promise<string> {
    return String(await this.ask("askUdp", patient, host, port, data, from));
  }

  /** Asks for a moment: for what is expected not to answer. */
  async tryTcp(host: string, port: number): Promise<string> {
    return String(await this.ask("askTcp", brief, host, port));
  }

  async tryUdp(host: string, port: number, data = "hello"): Promise<string> {
    return String(await this.ask("askUdp", brief, host, port, data));
  }

  async sendFrame(device: string, frame: Buffer): Promise<void> {
    await this.ask("sendFrame", device, frame.toString("hex"));
  }

  async received(): Promise<readonly string[]> {
    return (await this.ask("received")) as string[];
  }

  /** Whether one of two pings is answered; who expects no answer waits for it but a `brief` moment. */
  async canPing(host: string, seconds = 20): Promise<boolean> {
    const ping = ["ping", "-c", "1", "-W", String(seconds), host];
    for (let tries = 0; tries < 2; tries += 1) {
      try {
        await this.run("/bin/busybox", ...ping);
        return true;
      } catch {
        continue;
      }
    }
    return false;
  }

  /** What shim and agent do with a set-up. */
  async configure(setup: InterfaceSetup): Promise<void> {
    await this.ip(
      `link set ${setup.device} name ${setup.name} mtu ${setup.mtu} address ${setup.mac}`,
    );
    for (const address of setup.addresses) {
      await this.ip(
        `addr add ${address} dev ${setup.name}${address.includes(":") ? " nodad" : ""}`,
      );
    }
    await this.ip(`link set ${setup.name} up`);
    for (const route of setup.routes) {
      const family = route.gateway.includes(":") ? "-6 " : "";
      await this.ip(`${family}route replace ${route.destination} via ${route.gateway}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate();
  }
}

export const signal = AbortSignal.timeout(550_000);

export function networkSpec(name: string, more: Partial<NetworkSpec> = {}): NetworkSpec {
  return {
    name,
    driver: "bridge",
    internal: false,
    attachable: false,
    enableIpv4: true,
    enableIpv6: false,
    pools: [],
    options: {},
    labels: {},
    ...more,
  };
}

export const plainEndpoint: EndpointSpec = {
  aliases: [],
  links: [],
  ipv4: "",
  ipv6: "",
  mac: "",
  driverOptions: {},
  gatewayPriority: 0,
};

/** What an engine would keep, around one driver. */
export class Host implements AsyncDisposable {
  driver: NetworkDriver;
  readonly instance: string;
  readonly folder: string;
  readonly events: LogEvent[] = [];
  readonly networks: NetworkRecord[] = [];
  readonly places: Place[] = [];
  readonly live: { network: NetworkRecord; endpoint: EndpointRecord }[] = [];

  private constructor(driver: NetworkDriver, instance: string, folder: string, events: LogEvent[]) {
    this.driver = driver;
    this.instance = instance;
    this.folder = folder;
    this.events = events;
  }

  static async make(): Promise<Host> {
    const folder = await mkdtemp(join(tmpdir(), "duet-net-"));
    const instance = `t${randomBytes(3).toString("hex")}`;
    const events: LogEvent[] = [];
    return new Host(await openDriver(instance, folder, events), instance, folder, events);
  }

  /** As when the daemon is killed and another one starts: a driver that knows nothing yet. */
  async restart(): Promise<void> {
    await this.driver.close();
    this.driver = await openDriver(this.instance, this.folder, this.events);
  }

  async network(
    name: string,
    more: Partial<NetworkSpec> = {},
    predefined = false,
  ): Promise<NetworkRecord> {
    const planned = await this.driver.plan(newObjectId(), networkSpec(name, more), this.networks);
    const record = { ...planned, predefined };
    await this.driver.up(record, signal);
    this.networks.push(record);
    return record;
  }

  /** A place with an interface on the network. */
  async join(
    network: NetworkRecord,
    names: readonly string[] = [],
    more: Partial<EndpointSpec> = {},
    old?: Place,
    nameservers: readonly string[] = [],
  ): Promise<{ place: Place; endpoint: EndpointRecord; setup: InterfaceSetup }> {
    const place = old ?? (await this.place());
    const id = newObjectId();
    const spec = { ...plainEndpoint, ...more };
    const lease = this.driver.reserve(network, id, spec);
    const endpoint: EndpointRecord = {
      id,
      network: network.id,
      container: String(place.thread),
      nameservers,
      networkName: network.spec.name,
      spec,
      dnsNames: names,
      ports: [],
      ...lease,
    };
    const number = this.live.filter((one) => one.endpoint.id === id).length;
    const target = { kind: "netns", pid: place.thread } as const;
    const name = old === undefined ? `eth${number}` : "eth1";
    const setup = await this.driver.connect(network, endpoint, target, name, signal);
    await place.configure(setup);
    this.live.push({ network, endpoint });
    return { place, endpoint, setup };
  }

  async place(): Promise<Place> {
    const place = await Place.make();
    this.places.push(place);
    return place;
  }

  /** A host beside this one, reached over 198.51.100.0/24 and 2001:db8:1::/64. */
  async outside(): Promise<Place> {
    const place = await this.place();
    ip(`link add up0 type veth peer name eth0 netns ${place.thread}`);
    ip("addr add 198.51.100.1/24 dev up0");
    ip("addr add 2001:db8:1::1/64 dev up0 nodad");
    ip("link set up0 up");
    await place.ip("addr add 198.51.100.9/24 dev eth0");
    await place.ip("addr add 2001:db8:1::9/64 dev eth0 nodad");
    await place.ip("link set eth0 up");
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const network of this.networks) await this.driver.down(network, signal);
    await this.driver.close();
    await rm(this.folder, { recursive: true, force: true });
    if (ip("-br link").includes("up0")) ip("link del up0");
    /* The kernel takes their devices away some time after their end: by now they have none. */
    for (const place of this.places) await place[Symbol.asyncDispose]();
  }
}

async function openDriver(
  instance: string,
  folder: string,
  events: LogEvent[],
): Promise<NetworkDriver> {
  return createNetworkDriver({
    instance,
    runDirectory: folder,
    log: createLog("test", (event) => events.push(event)),
    resolvConf: join(folder, "resolv.conf"),
  });
}
