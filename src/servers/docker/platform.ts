import type { Platform } from "../../domain/image.ts";
import { DuetError } from "../../kit/errors.ts";
import { invalid } from "./failures.ts";
import { parseBoundedJson } from "./strict-json.ts";

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

/** The form that images' newer parameters have: JSON such as `{"os":"linux","architecture":"arm64"}`. */
export function parsePlatformJson(text: string): Platform | null {
  if (text === "") return null;
  const value = parseBoundedJson(text);
  const word = (key: string): string => {
    const found =
      typeof value === "object" && value !== null && key in value ? Reflect.get(value, key) : "";
    return typeof found === "string" ? found : "";
  };
  const [os, architecture, variant] = [word("os"), word("architecture"), word("variant")];
  if (os === "" || architecture === "") {
    throw invalid("invalid platform: both os and architecture must be given");
  }
  return { os, architecture, ...(variant === "" ? {} : { variant }) };
}

/** By system and architecture; variants of one run on each other as far as is known here. */
export function isSamePlatform(found: Platform, wanted: Platform): boolean {
  return found.os === wanted.os && found.architecture === wanted.architecture;
}

/** Throws `not-found` PLATFORM_MISMATCH, at which clients pull the image of the platform they want. */
export function refuseOtherPlatform(reference: string, found: Platform, wanted: Platform): void {
  if (isSamePlatform(found, wanted)) return;
  throw new DuetError(
    "not-found",
    "PLATFORM_MISMATCH",
    `image with reference ${reference} was found but its platform (${found.os}/${found.architecture}) does not match the specified platform (${wanted.os}/${wanted.architecture})`,
  );
}
