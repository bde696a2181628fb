import type { ServerVersion } from "../servers/docker/version.ts";

export const serverVersion: ServerVersion = { name: "Duet", version: "0.1.0", apiVersion: "1.51" };
