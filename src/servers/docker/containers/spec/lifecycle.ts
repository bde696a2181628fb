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
    stopSignal: config.StopSignal ?? "",
    stopTimeout: config.StopTimeout ?? null,
  };
}

export function restartOf(policy: RestartPolicy): LifecycleSpec["restart"] {
  const name = policy.Name || "no";
  const maximumRetries = policy.MaximumRetryCount ?? 0;
  if (name !== "no" && name !== "always" && name !== "unless-stopped" && name !== "on-failure") {
    throw invalid(`invalid restart policy: unknown policy '${name.slice(0, 40)}'`);
  }
  if (maximumRetries > 0 && name !== "on-failure") {
    throw invalid(
      `invalid restart policy: maximum retry count cannot be used with restart policy '${name}'`,
    );
  }
  return { name, maximumRetries };
}

const kinds = new Set(["NONE", "CMD", "CMD-SHELL"]);

function healthcheckOf(body: HealthConfig): Healthcheck {
  const test = body.Test ?? [];
  if (test.length > 0 && !kinds.has(test[0]!)) {
    throw invalid(`Unknown healthcheck type '${test[0]!.slice(0, 40)}' (expected 'CMD')`);
  }
  const durations = {
    interval: body.Interval ?? 0,
    timeout: body.Timeout ?? 0,
    startPeriod: body.StartPeriod ?? 0,
    startInterval: body.StartInterval ?? 0,
  };
  for (const [name, value] of Object.entries(durations)) {
    if (value !== 0 && value < 1_000_000)
      throw invalid(`healthcheck ${name} cannot be less than 1ms`);
  }
  return { test, ...durations, retries: body.Retries ?? 0 };
}
