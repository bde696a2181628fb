import type { ContainerRecord } from "../../../domain/container.ts";
import type { Engine } from "../../../engine/engine.ts";
import type { ContainerSummary, EndpointSettings } from "../../../spec/docker/container.ts";
import { unixSeconds } from "../time.ts";
import { encodeEndpoints, encodePortList } from "./endpoints.ts";
import { encodeMounts } from "./mount-points.ts";
import { stateWord, statusText } from "./state.ts";

export interface ContainerSize {
  readonly writable: number;
  readonly root: number;
}

/** Makes list entries; looks each image name up once for the whole list. */
export class ContainerLister {
  private readonly imageIds = new Map<string, string | null>();
  private readonly now = Date.now();
  private readonly engine: Engine;

  private readonly apiVersion: number;

  constructor(engine: Engine, apiVersion: number) {
    this.engine = engine;
    this.apiVersion = apiVersion;
  }

  summarise(record: ContainerRecord, size: ContainerSize | null): ContainerSummary {
    const { annotations } = record.spec;
    return {
      Id: record.id,
      Names: [`/${record.name}`],
      Image: this.imageText(record),
      ImageID: record.image,
      Command: commandText(record),
      Created: unixSeconds(record.createdAt),
      Ports: encodePortList(record),
      ...(size === null
        ? {}
        : { ...(size.writable > 0 ? { SizeRw: size.writable } : {}), SizeRootFs: size.root }),
      Labels: { ...record.resolved.labels },
      State: stateWord(record),
      Status: statusText(record, this.now),
      HostConfig: {
        NetworkMode: record.spec.network.mode === "default" ? "bridge" : record.spec.network.mode,
        Isolation: record.spec.isolation,
        ...(Object.keys(annotations).length > 0 && this.apiVersion >= 1046
          ? { Annotations: { ...annotations } }
          : {}),
      },
      NetworkSettings: { Networks: withoutNames(encodeEndpoints(record)) },
      Mounts: encodeMounts(record),
    };
  }

  /** The name as the user wrote it, or the id once the name points at another image. */
  private imageText(record: ContainerRecord): string {
    const { image } = record.spec;
    if (image === record.image) return image;
    let id = this.imageIds.get(image);
    if (id === undefined) {
      id = this.lookUp(image);
      this.imageIds.set(image, id);
    }
    return id === record.image ? image : record.image;
  }

  private lookUp(name: string): string | null {
    try {
      return this.engine.images.get(name).image.id;
    } catch {
      return null;
    }
  }
}

/** Lists tell where a container is, not what it is called there. */
function withoutNames(
  endpoints: Readonly<Record<string, EndpointSettings>>,
): Record<string, EndpointSettings> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([name, endpoint]) => [
      name,
      { ...endpoint, Links: null, Aliases: null, DNSNames: null },
    ]),
  );
}

function commandText(record: ContainerRecord): string {
  const { path, args } = record.resolved;
  return [path, ...args.map((word) => (word.includes(" ") ? `'${word}'` : word))].join(" ");
}
