import { arch } from "node:os";
import type { VersionAnswer } from "../../../spec/docker/system.ts";
import type { Exchange } from "../exchange.ts";
import { versionOf } from "./info.ts";
import { minimumApiVersion } from "../version.ts";

/** `GET /version`. */
export async function answerVersion(exchange: Exchange): Promise<void> {
  const { version } = exchange;
  const info = await exchange.engine.system.info(exchange.signal);
  const answer: VersionAnswer = {
    Platform: { Name: version.name },
    Components: [
      {
        Name: "Engine",
        Version: version.version,
        Details: {
          ApiVersion: version.apiVersion,
          Arch: goArchitecture(),
          BuildTime: version.buildTime ?? "",
          Experimental: "false",
          GitCommit: version.gitCommit ?? "",
          GoVersion: "none",
          KernelVersion: info.kernel,
          MinAPIVersion: minimumApiVersion,
          Os: "linux",
        },
      },
      ...info.runtimes.map((runtime) => ({
        Name: runtime.name,
        Version: versionOf(runtime),
        Details: { Isolation: runtime.isolation },
      })),
    ],
    Version: version.version,
    ApiVersion: version.apiVersion,
    MinAPIVersion: minimumApiVersion,
    GitCommit: version.gitCommit ?? "",
    GoVersion: "none",
    Os: "linux",
    Arch: goArchitecture(),
    KernelVersion: info.kernel,
    BuildTime: version.buildTime ?? "",
  };
  exchange.answer(200, answer);
}

function goArchitecture(): string {
  return arch() === "x64" ? "amd64" : arch();
}
