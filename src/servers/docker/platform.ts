import type { Platform } from "../../domain/image.ts";
import { parsePlatform as readPlatform } from "../../domain/platform.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { invalid } from "./failures.ts";
import { parseBoundedJson } from "./strict-json.ts";

/** A platform as the domain reads it, its variant as it is written; null, this host's, for "" and `linux`. */
export function parsePlatform(text: string): Platform | null {
  if (text === "" || text.toLowerCase() === hostPlatform.os) return null;
  const platform = readPlatform(text);
  const variant = text.split("/")[2]?.toLowerCase();
  return variant === undefined ? platform : { ...platform, variant };
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
