import { parseArgs } from "node:util";
import { canceled } from "../src/kit/abort.ts";
import { DuetError } from "../src/kit/errors.ts";
import { hasApt, installPackages } from "../images/debian/apt.ts";
import { bringClients, missingClients } from "./clients/bring.ts";
import { reportFailure, step } from "./progress.ts";
import { bringBeside } from "./setup/beside.ts";
import { bringBootLoader, hasBootLoader } from "./setup/boot-loader.ts";
import { exists } from "./setup/evidence.ts";
import { bringGuestKernel, findGuestKernel } from "./setup/kernel.ts";
import { missingNeeds, type Need, type Purpose } from "./setup/needs.ts";

/**
 * `npm run setup [-- --for run|build|test] [--dry-run]`: finds what this host lacks, says it, and
 * installs it. Running it again does nothing.
 */
const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(canceled(`got ${name}`)));
}
try {
  const { values } = parseArgs({
    options: {
      for: { type: "string", default: "build" },
      "dry-run": { type: "boolean", default: false },
    },
  });
  await setUp(purposeOf(values.for), values["dry-run"], controller.signal);
} catch (error) {
  process.exitCode = reportFailure(error);
}

function purposeOf(word: string): Purpose {
  if (word === "run" || word === "build" || word === "test") return word;
  throw new DuetError("invalid", "PURPOSE_INVALID", `there is no set-up for "${word}"`, {
    hint: "use --for run, --for build or --for test",
  });
}

async function setUp(purpose: Purpose, dryRun: boolean, signal: AbortSignal): Promise<void> {
  const missing = missingNeeds(purpose, exists);
  const kernel = await findGuestKernel();
  const ages = purpose === "test" ? missingClients() : [];
  const loader = hasBootLoader();
  if (missing.length + ages.length === 0 && kernel !== undefined && loader) {
    console.log(`set-up: everything is there (guest kernel ${kernel})`);
    return;
  }
  for (const need of missing) console.log(`missing: ${need.what} (${need.why})`);
  if (kernel === undefined) console.log("missing: a kernel for guests (boots virtual machines)");
  if (!loader) console.log("missing: a boot loader (makes disks of images boot)");
  for (const age of ages) console.log(`missing: Docker's clients (${age}) (drive the engine)`);
  if (dryRun) return;
  requireMeans(missing);
  await install(missing, signal);
  if (kernel === undefined) await step("guest kernel", () => bringGuestKernel(signal));
  if (!loader) await step("boot loader", () => bringBootLoader(signal));
  for (const age of ages) {
    const options = { fresh: false, signal };
    await step(`Docker's clients (${age}), unpacked beside`, () => bringClients(age, options));
  }
}

function requireMeans(missing: readonly Need[]): void {
  const packages = missing.flatMap((need) => need.packages).join(" ");
  if (!hasApt()) {
    throw new DuetError("unsupported", "NO_APT", "this host has no apt, so nothing was installed", {
      hint: `install these with its own package manager (Debian's names): ${packages}; and a kernel for guests`,
    });
  }
  if (process.getuid?.() !== 0) {
    throw new DuetError(
      "denied",
      "NOT_ROOT",
      "installing packages takes root, and this is not root",
      {
        hint: "run `sudo npm run setup`, then this again",
      },
    );
  }
}

async function install(missing: readonly Need[], signal: AbortSignal): Promise<void> {
  const whole = missing.filter((need) => need.beside === undefined);
  const packages = [...new Set(whole.flatMap((need) => need.packages))];
  if (packages.length > 0) {
    await step(`Debian packages ${packages.join(" ")}`, () => installPackages(packages, signal));
  }
  for (const need of missing) {
    if (need.beside === undefined) continue;
    const [name = ""] = need.packages;
    const program = need.beside;
    await step(`${need.what}, unpacked beside`, () => bringBeside(name, program, signal));
  }
}
