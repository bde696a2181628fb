import type { Builds } from "./build/builds.ts";
import { Containers } from "./containers.ts";
import { Disks } from "./disks.ts";
import { Execs } from "./execs.ts";
import { Images } from "./images.ts";
import { Manifests } from "./manifests.ts";
import { Networks } from "./networks.ts";
import { resolveSettings, type SettingSources, type Settings } from "./settings.ts";
import { System } from "./system.ts";
import { Transport } from "./transport.ts";
import { Volumes } from "./volumes.ts";

export interface DuetOptions extends SettingSources {
  /** Start a daemon when none answers. Default true. */
  readonly start?: boolean;
  /** Called when a daemon is about to be started for this client. */
  onStarting?(): void;
}

/**
 * The way into a Duet daemon.
 *
 *     await using duet = new Duet();
 *     await using web = await duet.containers.run({ image: "nginx", isolation: "vm", ports: { "8080": "80" } });
 *     for await (const { bytes } of web.logs({ follow: true })) process.stdout.write(bytes);
 */
export class Duet implements AsyncDisposable {
  readonly settings: Settings;
  readonly transport: Transport;
  readonly containers: Containers;
  readonly execs: Execs;
  readonly images: Images;
  readonly disks: Disks;
  readonly manifests: Manifests;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly system: System;
  private building: Promise<Builds> | undefined;

  /** Throws `invalid` for a host of an unknown kind. Connects with the first call. */
  constructor(options: DuetOptions = {}) {
    this.settings = resolveSettings(options);
    const mayStart = options.start !== false && this.settings.mayStart;
    const { endpoint } = this.settings;
    this.transport =
      endpoint.kind === "unix"
        ? new Transport(endpoint.path, mayStart ? (signal) => this.revive(options, signal) : null)
        : new Transport(`${endpoint.kind}://${endpoint.host}`, null, async () => {
            const { dialRemote } = await import("./remote.ts");
            return await dialRemote(endpoint);
          });
    this.containers = new Containers(this.transport);
    this.execs = new Execs(this.transport);
    this.images = new Images(this.transport);
    this.disks = new Disks(this.transport);
    this.manifests = new Manifests(this.transport);
    this.networks = new Networks(this.transport);
    this.volumes = new Volumes(this.transport);
    this.system = new System(this.transport);
  }

  /** Builds speak HTTP/2, which is loaded with the first. */
  async builds(): Promise<Builds> {
    this.building ??= import("./build/builds.ts").then(
      ({ Builds: Type }) => new Type(this.transport),
    );
    return await this.building;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport[Symbol.asyncDispose]();
  }

  private async revive(options: DuetOptions, signal: AbortSignal | undefined): Promise<boolean> {
    const { launchDaemon } = await import("./launch.ts");
    await launchDaemon(this.settings, signal, { starting: () => options.onStarting?.() });
    return true;
  }
}
