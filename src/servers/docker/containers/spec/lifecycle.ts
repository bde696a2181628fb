import { parseSignal } from "../../../../kit/signal-number.ts";
import type { LifecycleSpec } from "../../../../domain/container.ts";
import type { Healthcheck } from "../../../../domain/image.ts";
import type {
  ContainerConfig,
  HealthConfig,
  HostConfig,
  RestartPolicy,
} from "../../../../spec/docker/container.ts";
import { invalid } from "../../failures.ts";

export function lifecycleOf(config: ContainerConfig, host: HostConfig): LifecycleSpec {
  return {
    autoRemove: host.AutoRemove ?? false,
    init: host.Init ?? false,
    restart: restartOf(host.RestartPolicy ?? {}),
    healthcheck: config.Healthcheck === undefined ? null : healthcheckOf(config.Healthcheck),
    stopSignal: checkSignal(config.StopSignal ?? ""),
    stopTimeout: config.StopTimeout ?? null,
  };
}

function checkSignal(name: string): string {
  if (name !== "") parseSignal(name);
  return name;
}

export function restartOf(policy: RestartPolicy): LifecycleSpec["restart"] {
  const name = policy.Name || "no";
  const maximumRetries = policy.MaximumRetryCount ?? 0;
  if (name !== "no" && name !== "always" && name !== "unless-stopped" && name !== "on-failure") {
    throw invalid(
      `invalid restart policy: unknown policy '${name.slice(0, 40)}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (maximumRetries !== 0 && name !== "on-failure") {
    throw invalid(
      "invalid restart policy: maximum retry count can only be used with 'on-failure'" +
        (maximumRetries < 0 ? " and cannot be negative" : ""),
    );
  }
  if (maximumRetries < 0) {
    throw invalid("invalid restart policy: maximum retry count cannot be negative");
  }
  return { name, maximumRetries };
}

/** As in Docker, a test of an unknown kind is kept, and nothing is checked. */
function healthcheckOf(body: HealthConfig): Healthcheck {
  const durations = {
    interval: nanoseconds(body.Interval, "Interval"),
    timeout: nanoseconds(body.Timeout, "Timeout"),
    startPeriod: nanoseconds(body.StartPeriod, "StartPeriod"),
    startInterval: nanoseconds(body.StartInterval, "StartInterval"),
  };
  const retries = body.Retries ?? 0;
  if (retries < 0) throw invalid("Retries in Healthcheck cannot be negative");
  return { test: body.Test ?? [], ...durations, retries };
}

const shortest = 1_000_000;

function nanoseconds(value: number | undefined, name: string): number {
  if (value === undefined || value === 0) return 0;
  if (value < shortest) throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
  return value;
}
