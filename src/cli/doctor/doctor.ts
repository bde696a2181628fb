import { toDuetError } from "../../kit/errors.ts";
import { fail, type Finding, type Host, type Probe, type Verdict } from "./finding.ts";
import { controlGroups } from "./probes/control-groups.ts";
import { daemonState } from "./probes/daemon.ts";
import { diskSpace } from "./probes/disk-space.ts";
import { guestKernel } from "./probes/guest-kernel.ts";
import { kernelFeatures } from "./probes/kernel-features.ts";
import { kernelRelease } from "./probes/kernel-release.ts";
import { ociRuntimes } from "./probes/oci-runtimes.ts";
import { otherEngines } from "./probes/other-engines.ts";
import { privileges } from "./probes/privileges.ts";
import { hostPrograms } from "./probes/programs.ts";
import { userNamespaces } from "./probes/user-namespaces.ts";
import { virtualization } from "./probes/virtualization.ts";

/** In the order of the report: from the kernel up to the daemon. */
export const probes: readonly Probe[] = [
  kernelRelease,
  kernelFeatures,
  controlGroups,
  userNamespaces,
  virtualization,
  ociRuntimes,
  hostPrograms,
  guestKernel,
  diskSpace,
  otherEngines,
  privileges,
  daemonState,
];

/**
 * Asks the host every question, all at once, and gives the answers in the probes' order as they come.
 * A probe that breaks is a finding of its own.
 */
export async function* runDoctor(
  host: Host,
  questions: readonly Probe[] = probes,
): AsyncGenerator<Finding, void, void> {
  const answers = questions.map((probe) => ask(probe, host));
  for (const answer of answers) yield* await answer;
}

async function ask(probe: Probe, host: Host): Promise<readonly Finding[]> {
  try {
    return await probe.run(host);
  } catch (error) {
    host.signal.throwIfAborted();
    const { message } = toDuetError(error);
    const remedy = "look at what the message names, then run `duet doctor` again";
    return [fail(probe.name, "this could not be found out", message, remedy)];
  }
}

/** 0 where nothing fails; warnings do not fail. */
export function doctorExitCode(verdicts: Iterable<Verdict>): number {
  return [...verdicts].includes("fail") ? 1 : 0;
}
