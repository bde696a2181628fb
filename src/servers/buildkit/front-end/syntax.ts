import { DuetError } from "../../../kit/errors.ts";
import { unsupportedGraph } from "./graph.ts";

const docker =
  /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$/;

/**
 * Refuses whatever a client wants its build to be read by but Dockerfiles: `gateway.v0` is the name of a front end that is an image,
 * as clients ask for where BUILDKIT_SYNTAX is set. Throws `unsupported` FRONT_END, and BUILD_GRAPH where none is named.
 */
export function checkFrontEnd(name: string, options: ReadonlyMap<string, string>): void {
  if (name === "dockerfile.v0") return;
  if (name === "") throw unsupportedGraph();
  const source = options.get("source") ?? "";
  if (name !== "gateway.v0" || source === "") throw notSupported(name);
  checkSyntax(source);
}

/**
 * Refuses a front end that Duet does not have. Docker's own, in whatever version, is the one that is built in;
 * others are images with programs that would decide what the build does. Throws `unsupported` FRONT_END.
 */
export function checkSyntax(reference: string): void {
  const [image = ""] = reference.trim().split(/\s+/);
  if (image === "" || docker.test(image)) return;
  throw notSupported(image);
}

function notSupported(name: string): DuetError {
  return new DuetError(
    "unsupported",
    "FRONT_END",
    `the front end ${JSON.stringify(name.slice(0, 200))} is not supported: only Docker's own Dockerfile syntax is`,
    { hint: "leave out `# syntax=` and BUILDKIT_SYNTAX, or build this project with Docker" },
  );
}
