import { DuetError } from "../../kit/errors.ts";

/** What the server says of itself. */
export interface ServerVersion {
  /** Such as `Duet`. */
  readonly name: string;
  /** Of Duet, such as `0.1.0`. */
  readonly version: string;
  /** Newest version of the Docker Engine API that is spoken, such as `1.51`. */
  readonly apiVersion: string;
  readonly gitCommit?: string;
  readonly buildTime?: string;
}

export const minimumApiVersion = "1.24";

/** `1.41` as 1041, `2` as 2000; null for what is no version. */
export function apiVersionNumber(text: string): number | null {
  const match = /^(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d{1,4})*$/.exec(text);
  return match === null ? null : Number(match[1]) * 1000 + Number(match[2] ?? 0);
}

/** The version that a request is to be answered in. Throws `invalid` with Docker's wording. */
export function negotiate(asked: string | null, newest: string): number {
  const newestNumber = apiVersionNumber(newest)!;
  if (asked === null) return newestNumber;
  const number = apiVersionNumber(asked);
  if (number === null || number < apiVersionNumber(minimumApiVersion)!) {
    throw new DuetError(
      "invalid",
      "API_VERSION_TOO_OLD",
      `client version ${asked} is too old. Minimum supported API version is ${minimumApiVersion}, please upgrade your client to a newer version`,
    );
  }
  if (number > newestNumber) {
    throw new DuetError(
      "invalid",
      "API_VERSION_TOO_NEW",
      `client version ${asked} is too new. Maximum supported API version is ${newest}`,
    );
  }
  return number;
}
