import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { NetworkDriver } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { BridgeDriver } from "./bridge-driver.ts";

/** What the driver of one daemon needs to know. */
export interface NetworkDriverOptions {
  /**
   * Short tag, unique per daemon of the host: 1 to 8 lower-case letters and digits. Names nft
   * tables (`duet_TAG`) and bridges (`dtTAG-0`; `duet0` for the tag `duet`).
   */
  readonly instance: string;
  /** File in which the driver remembers host settings that it changed. Default: in `runDirectory`. */
  readonly statePath?: string;
  /** Folder for temporary files, gone after a reboot. */
  readonly runDirectory: string;
  readonly log: Log;
  /** Ranges out of which subnets of `size` bits are cut. Default: Docker's. */
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
  /** Where the host's name servers stand. Default: /etc/resolv.conf. */
  readonly resolvConf?: string;
}

/** Networks of this host on Linux bridges, nftables and rtnetlink. Changes nothing until asked to. */
export async function createNetworkDriver(options: NetworkDriverOptions): Promise<NetworkDriver> {
  if (!/^[a-z0-9]{1,8}$/.test(options.instance)) {
    throw new DuetError(
      "invalid",
      "INSTANCE_INVALID",
      `the instance tag ${JSON.stringify(options.instance.slice(0, 40))} is invalid`,
      { hint: "use 1 to 8 lower-case letters and digits" },
    );
  }
  await mkdir(options.runDirectory, { recursive: true, mode: 0o700 });
  return new BridgeDriver({
    instance: options.instance,
    statePath: options.statePath ?? join(options.runDirectory, "network-state.json"),
    runDirectory: options.runDirectory,
    log: options.log.part("network"),
    resolvConf: options.resolvConf ?? "/etc/resolv.conf",
    ...(options.addressPools === undefined ? {} : { addressPools: options.addressPools }),
  });
}
