import type { Platform } from "../../domain/image.ts";
import { invalid } from "./failures.ts";

const aliases: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
};

/** `linux/arm64[/v8]` or an architecture alone, as containerd's platforms package reads it; "" is null. */
export function parsePlatform(text: string): Platform | null {
  if (text === "") return null;
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]{1,40}$/.test(part))) {
    throw invalid(
      `${JSON.stringify(text.slice(0, 80))}: cannot parse platform specifier: invalid argument`,
    );
  }
  if (parts.length === 1) {
    return parts[0] === "linux"
      ? null
      : { os: "linux", architecture: aliases[parts[0]!] ?? parts[0]! };
  }
  const architecture = aliases[parts[1]!] ?? parts[1]!;
  const variant = parts[2];
  return { os: parts[0]!, architecture, ...(variant === undefined ? {} : { variant }) };
}
