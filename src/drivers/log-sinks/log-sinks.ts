import type { LogDestinations } from "../../domain/log-sink.ts";
import { DuetError } from "../../kit/errors.ts";
import type { SinkDriver } from "./driver.ts";
import { unknownOption } from "./failures.ts";
import { fluentd } from "./fluentd.ts";
import { gelf } from "./gelf.ts";
import { journald } from "./journald.ts";
import { syslog } from "./syslog.ts";

const drivers: Readonly<Record<string, SinkDriver>> = { syslog, journald, gelf, fluentd };
/** What each of them takes. */
const common = ["labels", "labels-regex", "env", "env-regex", "tag"];

/** The log drivers that send logs elsewhere. */
export function createLogSinks(): LogDestinations {
  return {
    drivers: Object.keys(drivers),
    check: (name, options) => {
      const driver = driverOf(name);
      const known = new Set([...common, ...driver.options]);
      const unknown = Object.keys(options).find((option) => !known.has(option));
      if (unknown !== undefined) throw unknownOption(unknown, name);
      driver.check(options);
    },
    connectsLater: (name, options) => driverOf(name).connectsLater?.(options) ?? false,
    open: async (name, options, source, signal) =>
      await driverOf(name).open(options, source, signal),
  };
}

function driverOf(name: string): SinkDriver {
  if (Object.hasOwn(drivers, name)) return drivers[name]!;
  throw new DuetError("invalid", "LOG_DRIVER", `no log driver named ${name.slice(0, 80)}`);
}
