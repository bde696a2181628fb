import { setFlagsFromString } from "node:v8";
import { toDuetError } from "../kit/errors.ts";
import { armFailpoints } from "../kit/failpoint.ts";
import { createLog, jsonLines, type LogEvent, type LogSink } from "../kit/log.ts";
import { daemonUsage, readConfig } from "./config.ts";
import { runDaemon } from "./daemon.ts";
import { serverVersion } from "./version.ts";

/**
 * Buffers of a stream count for V8's limit, which follows the little that lives in this heap: a pull
 * of 300 MB then collects 80 times, for a third of its processor time.
 */
setFlagsFromString("--heap-growing-percent=300");

const severities: readonly LogEvent["level"][] = ["debug", "info", "warn", "error"];

function filtered(sink: LogSink, level: LogEvent["level"]): LogSink {
  const lowest = severities.indexOf(level);
  return (event) => {
    if (severities.indexOf(event.level) >= lowest) sink(event);
  };
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  if (words.includes("--help")) return void process.stdout.write(`${daemonUsage()}\n`);
  if (words.includes("--version")) {
    return void process.stdout.write(`Duet version ${serverVersion.version}\n`);
  }
  const config = await readConfig(words);
  armFailpoints(process.env["DUET_FAILPOINTS"] ?? "");
  const sink = jsonLines((line) => process.stderr.write(line));
  await runDaemon(config, createLog("daemon", filtered(sink, config.logLevel)));
  // Links to shims of workloads that run on would keep this process alive.
  process.exit(0);
}

main().catch((thrown: unknown) => {
  const error = toDuetError(thrown);
  process.stderr.write(`duetd: ${error.message}\n`);
  if (error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
  if (error.class === "internal")
    process.stderr.write(`${error.cause instanceof Error ? (error.cause.stack ?? "") : ""}\n`);
  process.exit(1);
});
