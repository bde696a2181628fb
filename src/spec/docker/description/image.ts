import type { ModuleDescription } from "./form.ts";

/** Answers under `/images`, and of what talks to registries. */
export const image: ModuleDescription = {
  ImageSummary: {
    about: "One entry of `GET /images/json`.",
    fields: {
      Id: "string",
      ParentId: "string",
      RepoTags: "string[]",
      RepoDigests: "string[]",
      Created: "int64 — Seconds since the epoch.",
      Size: "int64",
      SharedSize: "int64",
      VirtualSize: "int64? until 1.43",
      Labels: "{string} | null",
      Containers: "int64",
    },
  },
  RootFsBody: {
    about: "The layers of an image, by the digests of their contents.",
    fields: { Type: "string", Layers: "string[]?" },
  },
  ImageMetadata: { about: "What is known of an image here only.", fields: { LastTagTime: "time" } },
  ImageInspect: {
    about: "`GET /images/{name}/json`.",
    fields: {
      Id: "string",
      RepoTags: "string[]",
      RepoDigests: "string[]",
      Parent: "string",
      Comment: "string",
      Created: "time",
      DockerVersion: "string",
      Author: "string",
      Config: "ContainerConfig",
      Architecture: "string",
      Variant: "string?",
      Os: "string",
      Size: "int64",
      VirtualSize: "int64? until 1.43",
      GraphDriver: "GraphDriverBody",
      RootFS: "RootFsBody",
      Metadata: "ImageMetadata",
    },
  },
  ImageHistoryEntry: {
    about: "One of `GET /images/{name}/history`.",
    fields: {
      Id: "string",
      Created: "int64",
      CreatedBy: "string",
      Tags: "string[] | null",
      Size: "int64",
      Comment: "string",
    },
  },
  ImageDeleteEntry: {
    about: "One of `DELETE /images/{name}`.",
    fields: { Untagged: "string?", Deleted: "string?" },
  },
  ImagesPruneAnswer: {
    about: "`POST /images/prune`.",
    fields: { ImagesDeleted: "ImageDeleteEntry[] | null", SpaceReclaimed: "uint64" },
  },
  ProgressDetail: {
    about: "How far a step is.",
    fields: { current: "int64?", total: "int64?" },
  },
  ProgressError: {
    about: "Why a stream of progress ends.",
    fields: { code: "int?", message: "string" },
  },
  ProgressMessage: {
    about: "One line of the progress streams of pull, push, load and import.",
    fields: {
      status: "string?",
      stream: "string?",
      id: "string?",
      progress: "string?",
      progressDetail: "ProgressDetail?",
      error: "string?",
      errorDetail: "ProgressError?",
      aux: "any?",
    },
  },
  SearchResult: {
    about: "One of `GET /images/search`.",
    fields: {
      star_count: "int",
      is_official: "bool",
      name: "string",
      is_automated: "bool",
      description: "string",
    },
  },
  DescriptorBody: {
    about: "A manifest as an index or a registry names it.",
    fields: {
      mediaType: "string",
      digest: "string",
      size: "int64",
      urls: "string[]?",
      annotations: "{string}?",
      data: "string?",
      platform: "PlatformBody?",
      artifactType: "string?",
    },
  },
  PlatformBody: {
    about: "What an image runs on.",
    fields: {
      architecture: "string",
      os: "string",
      "os.version": "string?",
      "os.features": "string[]?",
      variant: "string?",
    },
  },
  DistributionInspect: {
    about: "`GET /distribution/{name}/json`.",
    fields: { Descriptor: "DescriptorBody", Platforms: "PlatformBody[]" },
  },
  BuildPruneAnswer: {
    about: "`POST /build/prune`.",
    fields: { CachesDeleted: "string[] | null", SpaceReclaimed: "uint64" },
  },
  AuthConfig: {
    about: "Header X-Registry-Auth (base64url of this), and `POST /auth`.",
    fields: {
      username: "string?",
      password: "string?",
      auth: "string?",
      serveraddress: "string?",
      identitytoken: "string?",
      registrytoken: "string?",
    },
  },
  AuthAnswer: { about: "`POST /auth`.", fields: { Status: "string", IdentityToken: "string?" } },
};
