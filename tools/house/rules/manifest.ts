import type { HouseRule, Offence } from "../rule.ts";

const groups = ["dependencies", "devDependencies", "optionalDependencies"] as const;
const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

export const pinnedPackages: HouseRule = {
  name: "pinned-package",
  remedy: "pin it exactly: npm install --save-exact",
  applies: (path) => path === "package.json",
  check(file) {
    const manifest = JSON.parse(file.text) as Partial<
      Record<(typeof groups)[number], Record<string, string>>
    >;
    const offences: Offence[] = [];
    for (const group of groups) {
      for (const [name, version] of Object.entries(manifest[group] ?? {})) {
        if (!exact.test(version)) offences.push({ line: 0, what: `${name} is ${version}` });
      }
    }
    return offences;
  },
};

export const hostlessLockfile: HouseRule = {
  name: "hostless-lockfile",
  remedy: "install with omit-lockfile-registry-resolved=true, as .npmrc says",
  applies: (path) => path === "package-lock.json",
  check: (file) =>
    /"resolved": "https?:/.test(file.text)
      ? [{ line: 0, what: "names the host that packages came from" }]
      : [],
};
