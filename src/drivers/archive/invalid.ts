import { DuetError } from "../../kit/errors.ts";

export function archiveInvalid(why: string): DuetError {
  return new DuetError("invalid", "ARCHIVE_INVALID", `the image archive is not valid: ${why}`, {
    hint: "make it with `docker save`, `podman save` or `skopeo copy`",
  });
}

/** A name from an archive, fit for a message. */
export function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 120));
}
