import type { NetworkDriver } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";

/** What the driver of one daemon needs to know. */
export interface NetworkDriverOptions {
  /** Short tag, unique per daemon of the host, lower-case letters and digits: names nft tables and bridges. */
  readonly instance: string;
  /** File in which the driver remembers host settings that it changed. Default: in `runDirectory`. */
  readonly statePath?: string;
  /** Folder for temporary files, gone after a reboot. */
  readonly runDirectory: string;
  readonly log: Log;
  /** Ranges out of which subnets of `size` bits are cut. Default: Docker's. */
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
}

/** Networks of this host on Linux bridges, nftables and rtnetlink. */
export async function createNetworkDriver(options: NetworkDriverOptions): Promise<NetworkDriver> {
  throw new DuetError(
    "unsupported",
    "NOT_BUILT",
    `the network driver ${options.instance} is not built yet`,
  );
}
