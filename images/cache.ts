import { join } from "node:path";

/** Where downloads and built images stay between runs; DUET_CACHE moves it. */
export function cacheFolder(): string {
  const told = process.env["DUET_CACHE"];
  if (told !== undefined && told !== "") return told;
  if (process.getuid?.() === 0) return "/var/cache/duet";
  const home = process.env["XDG_CACHE_HOME"] ?? join(process.env["HOME"] ?? "/tmp", ".cache");
  return join(home, "duet");
}
