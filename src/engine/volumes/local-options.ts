import { DuetError } from "../../kit/errors.ts";

const known = new Set(["type", "o", "device", "size"]);
const maximumLength = 4095;

/** Docker's rules and words for options of the local driver (moby, volume/local). */
export function checkLocalOptions(name: string, options: Readonly<Record<string, string>>): void {
  const refuse = (why: string): never => {
    throw new DuetError("invalid", "VOLUME_OPTIONS", `create ${name}: ${why}`);
  };
  for (const [key, value] of Object.entries(options)) {
    if (!known.has(key)) refuse(`invalid option: "${key.slice(0, 80)}"`);
    if (value.length > maximumLength || value.includes("\0")) {
      refuse(`option "${key}" is over ${maximumLength} characters long, or holds a NUL byte`);
    }
  }
  if (options["size"] !== undefined) refuse("quota size requested but no quota support");
  const asks = options["type"] !== undefined || options["o"] !== undefined;
  if (asks && options["device"] === undefined) refuse('missing required option: "device"');
  if (options["device"] !== undefined && options["type"] === undefined) {
    refuse('missing required option: "type"');
  }
  if ((options["o"] ?? "").split(",").some((word) => word === "remount" || word === "move")) {
    refuse("a volume's mount cannot change another one (remount, move)");
  }
}

/** Docker's rule and words for names of local volumes, which are names of folders. */
export function checkVolumeName(name: string): void {
  const refuse = (why: string): never => {
    throw new DuetError("invalid", "NAME_INVALID", `create ${name.slice(0, 255)}: ${why}`);
  };
  if (name.length === 1) {
    refuse("volume name is too short, names should be at least two alphanumeric characters");
  }
  if (name.length > 255) refuse("volume name is too long, 255 characters are the most");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    refuse(
      `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
}
