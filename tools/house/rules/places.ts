import type { HouseRule, Offence } from "../rule.ts";

/** Folders of one machine; written apart so that this file does not offend itself. */
const machineFolders = [["work", "main"], ["work", "shared"], ["work", ".library"], ["farm"]].map(
  (parts) => `/${parts.join("/")}`,
);
const machinePath = new RegExp(`(?<![\\w.$}*])(${machineFolders.join("|")})(?![\\w-])`);
const address = /\bhttps?:\/\/([a-zA-Z0-9.-]+)/g;

/** Hosts that code and pages may name: standards, examples, and Docker Hub, which is part of the API. */
const allowedHosts: readonly RegExp[] = [
  /^([\d.]+|[a-z0-9-]+)$/,
  /(^|\.)(example|test|invalid|localhost|local|internal)(\.(com|org|net))?$/,
  /(^|\.)docker\.(io|com)$/,
  /^(www\.)?(w3|apache|ietf|rfc-editor|json-schema|kernel|man7|nodejs|nginx|qemu|debian|sqlite)\.org$/,
  /* Names of OVF's XML namespaces, which nobody connects to. */
  /^(schemas\.dmtf\.org|www\.vmware\.com)$/,
  /* Names of kinds of attestations, which nobody connects to. */
  /^(sigstore\.dev|slsa\.dev|spdx\.dev|in-toto\.io|mobyproject\.org)$/,
  /^(github\.com|opencontainers\.org|specs\.opencontainers\.org)$/,
];

export const machinePlaces: HouseRule = {
  name: "machine-place",
  remedy: "take it from configuration or from the environment, or use example.com",
  applies: (path) => /\.(ts|c|h|md|json|sh|mk|service)$/.test(path) && path !== "package-lock.json",
  check(file) {
    const offences: Offence[] = [];
    for (const [index, line] of file.text.split("\n").entries()) {
      const path = machinePath.exec(line)?.[0];
      if (path !== undefined) offences.push({ line: index + 1, what: `a machine's path ${path}…` });
      for (const [, host = ""] of line.matchAll(address)) {
        if (allowedHosts.some((allowed) => allowed.test(host))) continue;
        offences.push({ line: index + 1, what: `the host ${host}` });
      }
    }
    return offences;
  },
};

const projectPath =
  /`((?:src|native|test|tools|images|bench|bin|docs|packaging|web|\.ci)\/[\w@./*-]*)(?:[ `:])/g;
const pageLink = /\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g;

export const pagePaths: HouseRule = {
  name: "page-path",
  remedy: "name a file or folder that exists",
  applies: (path) => path.endsWith(".md"),
  check(file, paths) {
    const folder = file.path.includes("/")
      ? file.path.slice(0, file.path.lastIndexOf("/") + 1)
      : "";
    const offences: Offence[] = [];
    for (const [index, line] of file.text.split("\n").entries()) {
      for (const [, path = ""] of line.matchAll(projectPath)) {
        if (!exists(path, paths)) offences.push({ line: index + 1, what: `names ${path}` });
      }
      for (const [, path = ""] of line.matchAll(pageLink)) {
        const target = new URL(path, `file:///${folder}`).pathname.slice(1);
        if (!exists(target, paths)) offences.push({ line: index + 1, what: `links ${target}` });
      }
    }
    return offences;
  },
};

function exists(path: string, paths: ReadonlySet<string>): boolean {
  const stem = path.replace(/\*.*$/, "").replace(/\/$/, "");
  if (paths.has(stem)) return true;
  const start = path.includes("*") ? stem : `${stem}/`;
  for (const known of paths) if (known.startsWith(start)) return true;
  return false;
}
