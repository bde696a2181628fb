import { DuetError } from "../../../kit/errors.ts";

const docker =
  /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$/;

/**
 * Refuses a front end that Duet does not have. Docker's own, in whatever version, is the one that is built in;
 * others are images with programs that would decide what the build does. Throws `unsupported` FRONT_END.
 */
export function checkSyntax(reference: string): void {
  const [image = ""] = reference.trim().split(/\s+/);
  if (image === "" || docker.test(image)) return;
  throw new DuetError(
    "unsupported",
    "FRONT_END",
    `the front end ${JSON.stringify(image.slice(0, 200))} is not supported: only Docker's own Dockerfile syntax is`,
    { hint: "take the line `# syntax=` out, or build this project with Docker" },
  );
}
